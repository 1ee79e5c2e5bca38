# shellcheck shell=bash
# Which pods of Kubernetes and K3s themselves do not run, and why. `ask_api PATH SECONDS` is defined where this is used.

# table_rows: the rows of a table of the API on standard input, each a JSON array on a line of its own.
table_rows() { tr -d '\n\t' | sed 's/{"cells":\[/\n/g' | sed -nE '2,$ { s/\],"(conditions|object)":.*//; s/.*/[&]/; p; }'; }

# unready_rows: of rows of pods, those that neither run with all of their containers nor have done their work.
unready_rows() { awk -F '"' '{ split($4, ready, "/") } $6 == "Completed" || ($6 == "Running" && ready[1] == ready[2]) { next } { print }'; }

# tell_system_pods SECONDS: a line "pod<TAB>row" for each that does not run and, if there are any, "event<TAB>row" for each warning.
tell_system_pods() {
  local pods events of=/api/v1/namespaces/kube-system
  pods=$(ask_api "$of/pods?includeObject=None&pretty=false" "$1") || return 0
  pods=$(table_rows <<<"$pods" | unready_rows)
  [[ -n $pods ]] || return 0
  awk '{ print "pod\t" $0 }' <<<"$pods"
  events=$(ask_api "$of/events?fieldSelector=type%3DWarning&includeObject=None&pretty=false&limit=500" "$1") || return 0
  table_rows <<<"$events" | grep '"pod/' | sed 's/^/event\t/' || [[ $? == 1 ]]
}
