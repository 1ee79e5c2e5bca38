#!/bin/bash
# kubectl.sh apply|delete: does so with the objects in $MANIFEST. The kubeconfig comes on standard input and is kept, while
# kubectl runs, in a file for its owner alone; it stands in no argument and in no environment.
set -euo pipefail
umask 077
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cat >"$directory/kubeconfig"
export KUBECONFIG=$directory/kubeconfig

case $1 in
  apply)
    kubectl apply --filename - <<<"$MANIFEST" >&2
    kubectl rollout status --namespace "$READY_NAMESPACE" --timeout 180s "$READY" | tail -n 1
    ;;
  delete)
    # Asked again and again: a watch, which kubectl's own waiting is, may miss the end when a server restarts.
    kubectl delete --ignore-not-found --wait=false --filename - <<<"$MANIFEST" >&2
    deadline=$((SECONDS + 180))
    until left=$(kubectl get --ignore-not-found --output name --filename - <<<"$MANIFEST") && [[ -z $left ]]; do
      ((SECONDS < deadline)) || { printf 'still there after 180 s:\n%s\n' "$left" >&2; exit 1; }
      sleep 1
    done
    ;;
  *)
    echo "usage: kubectl.sh apply|delete" >&2
    exit 2
    ;;
esac
