-- In the database it is run in: what a login could hold up, or fill the disk with, belongs to the owners alone.
-- Advisory locks share one table with all other locks; large objects and temporary tables know no quota.
-- Run as a superuser; may be repeated.
DO $do$
DECLARE
    one record;
    owner text := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
BEGIN
    IF has_database_privilege('public', current_database(), 'TEMPORARY')
        OR has_database_privilege('public', current_database(), 'CONNECT') THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
    IF has_schema_privilege('public', 'public', 'CREATE') THEN
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    END IF;
    FOR one IN
        SELECT p.oid::regprocedure AS name FROM pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
            AND (p.proname LIKE 'pg\_advisory\_%' OR p.proname LIKE 'pg\_try\_advisory\_%' OR p.proname LIKE 'lo\_%'
                OR p.proname IN ('loread', 'lowrite'))
            AND has_function_privilege('public', p.oid, 'EXECUTE')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one.name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', one.name, owner);
    END LOOP;
END
$do$;
