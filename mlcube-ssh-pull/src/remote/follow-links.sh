#!/bin/sh
# Lists what links of the workspace that lead out of it stand for: the file, or the folder with all that is in it.
# Given: workspace; linked, the format of the list.
# Words: the links, by their paths in the workspace.
# Answers: a line `listing` and the list. A link that leads nowhere, or to what can't be read, isn't in it.
# shellcheck disable=SC2154 # the client sets what is given

locate "$workspace"
cd "$path" || problem no-workspace "$path"
printf 'listing\n'
for link; do
  [ -r "$link" ] || continue
  # -L: the entry is that of the link's end.
  find -L "./$link" -maxdepth 0 -printf "$linked"
  # Of a folder that can't be entered only the folder itself; the slash lets find enter the link.
  [ ! -d "$link" ] || find "./$link/" -mindepth 1 -printf "$linked" -type d '(' ! -readable -o ! -executable ')' -prune
done
exit 0
