#!/bin/sh
# Sets the permissions of workspace entries, and changes nothing else of them.
# Given:
#   workspace  that holds the entries
#   mode       the permissions
#   format     of the listing
# Words: the entries.
# Replies:
#   why REASON            if chmod failed
#   listing               then the listing of the entries as they are now
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
cd "$path" || problem no-folder "$path"
newline='
'
why=$(for place; do
  # chmod follows links, and the target is another entry, or outside the workspace.
  if [ -e "$place" ] && [ ! -L "$place" ]; then printf './%s\0' "$place"; fi
# The listing tells which entries have the permissions.
done | xargs -0 -r chmod -- "$mode" 2>&1) || printf 'why %s\n' "${why##*"$newline"}"
printf 'listing\n'
list_places "$format" "$@"
