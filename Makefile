.PHONY: lock
lock:
	.venv/bin/uv pip compile -q pyproject.toml --extra build --extra dev --extra spark --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements-dev.lock
	.venv/bin/uv pip compile -q pyproject.toml --extra build --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c requirements-dev.lock -o requirements.lock
