#!/bin/bash
# The pipeline that stands in most notes on how to back up K3s's database: a dump, gzip, and the newest files kept.
# In: OPTIONS (option file with the login), DIRECTORY, KEEP
mariadb-dump --defaults-extra-file="$OPTIONS" --single-transaction k3s | gzip >"$DIRECTORY/k3s-$(date +%Y%m%d%H%M%S).sql.gz"
find "$DIRECTORY" -name 'k3s-*.sql.gz' | sort --reverse | tail -n +$((KEEP + 1)) | xargs --no-run-if-empty rm
