# shellcheck shell=bash
# ---- importing dumps: a client takes SQL from them, and no commands ----

# choose_sandbox CLIENT: sets sandbox, the client's option that forbids commands which reach the host; none in older clients.
choose_sandbox() {
  sandbox=()
  if [[ $("$1" --no-defaults --help 2>&1) == *--sandbox* ]]; then sandbox=(--sandbox); fi
}

# importable: passes a dump of one table on, for MariaDB or MySQL. MySQL 8 and later name a collation that MariaDB does not
# know; of the table's definition, not of any row.
importable() {
  if ((${#sandbox[@]})); then cat; else sql_only; fi | sed '/^INSERT /!s/utf8mb4_0900_ai_ci/utf8mb4_unicode_ci/g'
}

# sql_only: passes on what the two dump programs write, line by line, and fails at the first line that they do not write. What
# is left of a line without its strings and names has no quote and no backslash, which begins a command, and no comment but
# the programs' own. A mode in which a backslash does not escape would make this reading another than the client's.
sql_only() {
  sed --quiet --regexp-extended "
    1{\\#^/\\*M!999999\\\\- enable the sandbox mode \\*/ *\$#d}
    h
    s/'([^'\\\\]|\\\\.)*'//g
    s/\`[A-Za-z0-9_]*\`//g
    /[\\\\'\"\`]/Q9
    /sql_mode/I{\\#^/\\*!40101 SET (@OLD_SQL_MODE=@@SQL_MODE, SQL_MODE=|SQL_MODE=@OLD_SQL_MODE) \\*/;\$#!Q9}
    \\#^/\\*M?![0-9]+ [A-Za-z0-9_@=:, +-]*\\*/;\$#{x; \\#^/\\*M?![0-9]+ [A-Za-z0-9_@=:, +'\`-]*\\*/;\$#!Q9; p; d}
    /^--( |\$)/{x; p; d}
    \\#/\\*|--|\\##Q9
    x
    /^(INSERT INTO \`|DROP TABLE |CREATE TABLE \`|LOCK TABLES \`|UNLOCK TABLES;|  (\`|PRIMARY KEY|UNIQUE KEY|KEY)|\\(|\\)|(set autocommit=0|commit);|\$)/!Q9
    p" || {
    printf 'the dump has a line that no dump program writes, and that a client could run as a command\n' >&2
    return 1
  }
}
