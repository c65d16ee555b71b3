#!/bin/sh
# Sets the permissions of workspace entries, and changes nothing else of them.
# Given: workspace; mode, the permissions; format, the format of the listing.
# Words: the entries.
# Replies: a line `why REASON` if chmod failed; a line `listing` and the listing of the entries as they are now; or
# problem.
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
