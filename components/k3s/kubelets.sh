# shellcheck shell=bash
# Whether the API of this server reaches the kubelets of nodes, as it does for logs and exec.

# message_of: what an error of the API says; another answer as it is.
message_of() { tr -d '\n\t' | sed -E 's/.*"message": ?"(([^"\\]|\\.)*)".*/\1/; s/\\"/"/g'; }

kubelet_urls() {
  local node
  for node in "$@"; do
    printf 'url = "https://127.0.0.1:%s/api/v1/nodes/%s/proxy/healthz"\noutput = "/dev/null"\n' "$api_port" "$node"
  done
}

# tell_kubelets SECONDS NODE...: a line "kubelet<TAB>node<TAB>reason" for each that is not reached. One program asks them all, and
# those that did not answer are asked once more, for the reason.
tell_kubelets() {
  local seconds=$1 code url node answer
  shift
  (($# > 0)) || return 0
  while IFS=$'\t' read -r code url; do
    [[ $code != 200 ]] || continue
    node=${url%/proxy/healthz}
    node=${node##*/}
    answer=$(ask_api "/api/v1/nodes/$node/proxy/healthz" "$seconds") || answer="no answer within $seconds s"
    [[ $answer == ok ]] || printf 'kubelet\t%s\t%s\n' "$node" "$(message_of <<<"$answer")"
  done < <(kubelet_urls "$@" | api_curl --parallel --parallel-max 50 --max-time "$seconds" --write-out '%{http_code}\t%{url}\n' --config -)
}
