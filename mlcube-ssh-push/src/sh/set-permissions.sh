#!/bin/sh
# Gives entries of the workspace other permissions, and touches nothing else of them.
# Given: workspace; mode, the permissions; format, that of the list.
# Words: the entries.
# Answers: a line `listing` and the list of what they are now; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
cd "$path" || problem no-folder "$path"
for place; do
  # What a link leads to is another entry, or nobody's.
  if [ -e "$place" ] && [ ! -L "$place" ]; then printf './%s\0' "$place"; fi
# The list tells which of them have it.
done | xargs -0 -r chmod -- "$mode" || :
printf 'listing\n'
list_places "$format" "$@"
