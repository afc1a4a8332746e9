-- Run by psql at every start of compose.yaml, after the migrations: the role that Doable serves as
-- may read and write the rows of its tables, and nothing else. Safe to run again.
\set ON_ERROR_STOP on
\getenv password SERVICE_PASSWORD

SELECT 'CREATE ROLE doable_service LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'doable_service') \gexec
ALTER ROLE doable_service PASSWORD :'password';
REVOKE ALL ON DATABASE doable FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE doable TO doable_service;
GRANT USAGE ON SCHEMA doable TO doable_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA doable TO doable_service;
REVOKE INSERT, UPDATE, DELETE ON doable.migrations FROM doable_service;
