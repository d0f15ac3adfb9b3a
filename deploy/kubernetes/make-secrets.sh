#!/usr/bin/env bash
# Make the Secrets of an environment: a folder for each, a file for each key (deploy/README.md says what comes next).
#
#   make-secrets.sh FOLDER HOST:PORT/DATABASE [CA.crt]    the server's address, and its certificate authority
#
# A key and a random database password per service, a login for migrations, and migrator.sql, which makes that login.
set -euo pipefail
umask 077
folder=$1 address=$2 authority=${3:+$(realpath "$3")}
query=${authority:+?sslmode=verify-full&sslrootcert=/run/seda/postgres_ca.crt}
mkdir "$folder"
cd "$folder"
random() { openssl rand -hex 32; }

keys=()
for service in gateway users chat tracks; do
  mkdir "seda-$service"
  openssl genpkey -algorithm ed25519 -out "seda-$service/service_key"
  # The public key is the end of its DER form.
  x=$(openssl pkey -in "seda-$service/service_key" -pubout -outform DER | tail -c 32 | openssl base64 -A | tr '+/' '-_' | tr -d '=')
  keys+=("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"$service\",\"x\":\"$x\"}")
done
for service in users chat tracks; do
  echo "postgresql://${service}_app:$(random)@$address$query" >"seda-$service/database_url"
done
mkdir seda-migrate seda-operations seda-pgbouncer
# For components/pgbouncer.
sed -nE 's|^postgresql://([^:]+):([^@]+)@.*|"\1" "\2"|p' seda-*/database_url >seda-pgbouncer/userlist.txt
password=$(random)
echo "postgresql://seda_migrator:$password@$address$query" >seda-migrate/DATABASE_URL
echo "CREATE ROLE seda_migrator LOGIN PASSWORD '$password' IN ROLE users_owner, chat_owner, tracks_owner;" >migrator.sql
for service in gateway users chat tracks; do
  (IFS=,; echo "{\"keys\":[${keys[*]}]}") >"seda-$service/service_keys.json"
done
if [ -n "$authority" ]; then
  for secret in users chat tracks migrate operations pgbouncer; do cp "$authority" "seda-$secret/postgres_ca.crt"; done
fi
