#!/bin/sh
# Makes the folders that a push fills, and lists the workspace.
# Given: base, state (our own folder) and workspace; format, that of the list; linked, that of what lies behind links to
# folders; origin, the line of the one that pushes; adopt, yes if it takes over the tree of another one; name, for what is
# on its way from this pair of trees.
# Words, in pairs: a plain-named link below the base, and the name beside it to which it leads.
# Answers: base, state, workspace, incoming (absolute), made or found (the tree), left and left-bytes (what a push that was
# cut off has brought), zstd (whether there is one), disk-of-workspace and disk-of-code (whether our own folder is on it, free bytes),
# then a line `listing` and the list; or problem.
# shellcheck disable=SC2154 # the client sets what is given

base=$(absolute "$base") state=$(absolute "$state") workspace=$(absolute "$workspace") incoming=$state/incoming/$name

command -v rsync >/dev/null || problem no-rsync
(umask 077 && mkdir -p "$state") || problem not-writable "$state"

# Whose tree it is. A link never replaces the file that another first push has just made.
write_origin() {
  new=$state/origin.$$.new
  (umask 077 && printf '%s\n' "$origin" >"$new") || problem not-writable "$state"
  if [ "$1" = replace ]; then
    mv -f "$new" "$state/origin" || problem not-writable "$state"
  else
    ln "$new" "$state/origin" 2>/dev/null || [ -f "$state/origin" ] ||
      mv "$new" "$state/origin" || problem not-writable "$state"
    rm -f "$new"
  fi
}
[ -f "$state/origin" ] || write_origin once
read -r there <"$state/origin"
if [ "${there%% *}" != "${origin%% *}" ]; then
  [ "$adopt" = yes ] || problem other-origin "$there"
  write_origin replace
fi

tree=found
[ -e "$base" ] || tree=made
mkdir -p "$base" || problem not-writable "$base"
mkdir -p "$workspace" || problem not-writable "$workspace"
[ -w "$base" ] || problem not-writable "$base"
if is_held "$(lock_of "$workspace" "$state")" ''; then refuse_locked; fi

# mlcube there can't be given a path that a shell would take apart: it goes through a link.
while [ $# -gt 1 ]; do
  link=$base/$1
  [ -L "$link" ] || ln -s "$2" "$link" || problem not-writable "$link"
  shift 2
done

(umask 077 && mkdir -p "$incoming/code" "$incoming/workspace" "$incoming/tmp") ||
  problem not-writable "$incoming"
left=no left_bytes=0
if [ -n "$(find "$incoming/code" "$incoming/workspace" -mindepth 1 -print -quit)" ]; then
  left=yes left_bytes=$(($(du -sk "$incoming" | cut -f 1) * 1024))
fi
# What was on its way from somewhere else a week ago never comes.
find "$state/incoming" -mindepth 1 -maxdepth 1 -mtime +7 ! -path "$incoming" -exec rm -rf {} +
# What a killed rsync has put together; one that still runs has written to it a moment ago.
find "$incoming/tmp" -type f -mmin +10 -exec rm -f {} +

printf 'base %s\nstate %s\nworkspace %s\nincoming %s\n' "$base" "$state" "$workspace" "$incoming"
zstd=no
! command -v zstd >/dev/null || zstd=yes
printf 'tree %s\nleft %s\nleft-bytes %s\nzstd %s\n' "$tree" "$left" "$left_bytes" "$zstd"

# For what goes to the folder $2, called $1: whether our own folder is on its disk, and the free bytes there.
tell_disk() {
  near=no
  [ "$(find "$2/" -maxdepth 0 -printf '%D')" != "$(find "$incoming" -maxdepth 0 -printf '%D')" ] || near=yes
  df -Pk "$2" | {
    read -r _
    read -r _ _ _ free _
    printf '%s %s %s\n' "$1" "$near" "$((free * 1024))"
  }
}
tell_disk disk-of-workspace "$workspace"
tell_disk disk-of-code "$base"
printf 'listing\n'
list_workspace "$workspace" "$format" "$linked"
