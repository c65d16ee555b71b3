#!/bin/sh
# Removes what transfers that were cut off have left in a tree and its workspace.
# Given: base, workspace; name, that of the folders in which it lies.
# Words: links to folders, relative to the workspace, behind which there may be some too.
# shellcheck disable=SC2154 # the client sets what is given

locate "$base"
base=$path
locate "$workspace"
workspace=$path
# Where the workspace lies in the tree it is looked through once.
case $workspace/ in
  "$base"/*) set -- "$base" "$@" ;;
  *) set -- "$base" "$workspace" "$@" ;;
esac
for top; do
  case $top in /*) ;; *) top=$workspace/$top ;; esac
  find "$top/" -type d -name "$name" -prune -exec rm -rf {} +
done
exit 0
