#!/bin/sh
# Runs once, when the data folder is new: databases, their owners, and the roles that read.
set -eu
# Passwords travel through the environment (\getenv), never through the command line; psql quotes them.
psql --set=ON_ERROR_STOP=1 --quiet --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
\getenv warehouse_password WAREHOUSE_PASSWORD
\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
SET log_min_duration_statement = -1;
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE wattmark LOGIN CREATEROLE PASSWORD :'warehouse_password';
CREATE ROLE wattmark_bi NOLOGIN;
CREATE ROLE wattmark_pii NOLOGIN;
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE warehouse OWNER wattmark;
REVOKE ALL ON DATABASE airflow FROM PUBLIC;
REVOKE ALL ON DATABASE warehouse FROM PUBLIC;
GRANT CONNECT ON DATABASE warehouse TO wattmark_bi, wattmark_pii;
GRANT wattmark_bi, wattmark_pii TO wattmark WITH ADMIN OPTION;
GRANT SET ON PARAMETER temp_file_limit TO wattmark;
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
SQL
psql --set=ON_ERROR_STOP=1 --quiet --username="${POSTGRES_USER:-postgres}" --dbname=warehouse --file="$(dirname "$0")/20-readers.sql"
