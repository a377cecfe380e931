#!/bin/sh
# Once, when compose.yaml's Postgres makes its data folder: logins of the web server and of the collectors.
# Each is a member of a role to which `teamgauge migrate` grants what it is to have, and no more.
set -eu
for name in web collect; do
    psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
        --set login="$name" --set role="teamgauge_$name" --set file="${SECRETS:-/run/secrets}/$name.password" <<'SQL'
\set password `cat :file`
CREATE ROLE :"role" NOLOGIN;
CREATE ROLE :"login" LOGIN PASSWORD :'password' IN ROLE :"role";
SQL
done
