# shellcheck shell=bash
# Locks the accounts of earlier rotations, and ends their connections: their passwords are known to others.
sql() { mariadb --batch --skip-column-names "$@"; }

leaked_accounts() {
  sql --execute "SELECT CONCAT('''', User, '''@''', Host, '''') FROM mysql.user WHERE User REGEXP '$user_pattern' AND User NOT IN ('$k3s_user', '$backup_user')"
}

apply() {
  local account accounts
  lock_host
  accounts=$(leaked_accounts) || die "$host_name: MariaDB could not be asked for the accounts of before; see its answer above"
  while read -r account; do
    [[ -n $account ]] || continue
    sql --execute "ALTER USER $account ACCOUNT LOCK; KILL USER $account" ||
      die "$host_name: the account $account could not be locked; see MariaDB's answer above"
  done <<<"$accounts"
  print_revision datastore-leaked-accounts
}

# The accounts are dropped with their clients.
remove() { :; }
