#!/bin/sh
# Whose a remote tree is.
# shellcheck disable=SC2154 # the client sets state, owner and former_owner

# Ends the script if another machine or folder has taken the tree over: it may have replaced what this one has pushed.
need_owner() {
  if [ -z "$owner" ] || [ ! -f "$state/origin" ]; then return 0; fi
  read -r found_origin <"$state/origin" || problem no-owner "$state/origin"
  case ${found_origin%% *} in
    "$owner" | "$former_owner") ;;
    *) problem other-origin "$found_origin" ;;
  esac
}
