#!/bin/sh
# Removes what transfers that were cut off have left in a tree and its workspace.
# Given:
#   base       the remote tree
#   workspace  of the push
#   name       of the folders that hold it
# Words: links to folders, relative to the workspace; the folders that they lead to are searched too.
# shellcheck disable=SC2154 # the client sets what is given

locate "$base"
base=$path
locate "$workspace"
workspace=$path
# A workspace below the base is searched with it.
case $workspace/ in
  "$base"/*) set -- "$base" "$@" ;;
  *) set -- "$base" "$workspace" "$@" ;;
esac
for top; do
  case $top in /*) ;; *) top=$workspace/$top ;; esac
  find "$top/" -type d -name "$name" -prune -exec rm -rf {} +
done
# What can't be removed is in nobody's way.
return 0
