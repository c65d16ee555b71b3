#!/bin/sh
# Lists a workspace.
# Given: workspace; state (our own folder); former_workspace, where an earlier version kept the workspace, or nothing; format, that of the list; unreadable, that of entries that can't be read.
# Answers: workspace (absolute), then a line `listing` and the list; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
workspace=$path
if [ -n "$former_workspace" ]; then
  locate "$state"
  take_former_workspace "$workspace" "$former_workspace" "$path" || :
fi
[ -d "$workspace" ] || problem no-workspace "$workspace"
need_rsync
printf 'workspace %s\n' "$workspace"
printf 'listing\n'
cd "$workspace" || problem no-workspace "$workspace"
# What find can't look at is an entry that can't be read, with the system's reason; only what has gone away meanwhile isn't there.
# Its last line tells how it ended: one that was killed may have ended within an entry.
# Of a file of the account's own with the right to read nothing else has to be asked: asking takes as long as looking at it.
user=$(id -u)
exec 4>&1
errors=$(
  LC_ALL=C find . -mindepth 1 \( ! -type l ! \( -type f -uid "$user" -perm -400 \) ! -readable -o -type d ! -executable \) -printf "$unreadable" -prune -o \
    -mindepth 1 -printf "$format" 2>&1 >&4 4>&-
  printf 'ended %s\n' "$?"
)
exec 4>&-
ended=${errors##*ended }
[ "$ended" -lt 128 ] || return "$ended"
printf '%s\n' "${errors%ended *}" | while IFS= read -r error; do
  case $error in
    '' | *': No such file or directory') continue ;;
    "find: '"?*"': "*)
      reason=${error##*"': "}
      place=${error#"find: '"}
      place=${place%"': $reason"}
      place=${place#./}
      ;;
    *)
      reason=$error
      place='(unknown)'
      ;;
  esac
  printf 'u 0 0 0.000000000 %s\0!%s\0' "$place" "$reason"
done
