#!/bin/sh
# Makes the folders that a push fills, and lists the workspace. Nobody waits for a program that has nothing to do: each
# costs milliseconds, and a small push is over in a few hundred.
# Given: base, state (our own folder) and workspace; format, that of the list; linked and unwritable, those of what lies behind links to
# folders; origin, the line of the one that pushes; former_origin, the id that an earlier version gave it; former_workspace,
# where an earlier version kept the workspace, or nothing; adopt, yes if it takes over the tree of another one; id, the
# random name of this push's incoming folder; former, those of earlier pushes of this machine that didn't end well, newest
# last; place, of the workspace in the base, or nothing; as_code, a place that was a workspace and is code now, or nothing;
# links, how many.
# Words: so many pairs of a plain-named link below the base and the name beside it to which it leads; then the paths of code.
# Answers: base, state, workspace, incoming (absolute), made or found (the tree), left and left-bytes (what a push that was
# cut off has brought), was-workspace (see tell_workspaces), zstd (whether there is one), disk-of-workspace and disk-of-code (whether our own folder is on it, free bytes),
# then a line `listing` and the list of the workspace, an entry `another`, and the list of that code as far as it is there; or
# problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$base"
base=$path
locate "$state"
state=$path
locate "$workspace"
workspace=$path
incoming=$state/incoming/$id

need_rsync
check_own "$state" "$base"
# What `clean` removes meanwhile is made once it has ended; from where this push holds its incoming folder, clean leaves all.
while
  make_private "$state" || problem not-writable "$state"
  if [ "$shared" = yes ]; then
    give_to_group "${state%/*}" "$state" || problem not-writable "$state"
    # rsync makes the folder for what is replaced as the account's own umask has it.
    make_private "$state/replaced" || problem not-writable "$state"
  fi
  ! guard_from_clean "$state"
do :; done

# Whose tree it is. A link never replaces the file that another first push has just made.
write_origin() {
  new=$state/origin.$$.new
  (umask "$private" && printf '%s\n' "$origin" >"$new") || problem not-writable "$state"
  if [ "$1" = replace ]; then
    mv -f "$new" "$state/origin" || problem not-writable "$state"
  else
    ln "$new" "$state/origin" 2>/dev/null || [ -f "$state/origin" ] ||
      mv "$new" "$state/origin" || problem not-writable "$state"
    rm -f "$new"
  fi
}
was_pushed=yes
[ -f "$state/origin" ] || {
  was_pushed=
  write_origin once
}
named=
# One that can't be read is nobody else's for that.
[ -r "$state/origin" ] || problem no-look "$state/origin"
{ read -r there && read -r named; } <"$state/origin" || :
if [ "${there%% *}" != "${origin%% *}" ]; then
  [ "$adopt" = yes ] || [ "${there%% *}" = "$former_origin" ] || problem other-origin "$there"
  write_origin replace
  there=$origin
fi

tree=found
[ -e "$base" ] || tree=made
was_empty=yes
if holds_anything "$base"; then was_empty=; fi
if [ ! -d "$base" ]; then
  # For this account alone, unless a group shares it; what lies in it has the permissions that it has locally.
  make_private "$base" || problem not-writable "$base"
  if [ "$shared" = yes ]; then give_to_group "$base" || problem not-writable "$base"; fi
fi
take_former_workspace "$workspace" "$former_workspace" "$state" || refuse_locked
[ -d "$workspace" ] || mkdir -p "$workspace" || problem not-writable "$workspace"
[ -w "$base" ] || problem not-writable "$base"

# Behind the owner stands the real path of the tree, which clean may remove: of one that was made or filled from the first, or by
# a version that didn't say so. A folder that held something before the first push is its maker's, `-`; and so is one that has
# taken the tree's place since.
tree_path=$named
if [ -n "$was_empty" ] || [ -z "$named" ]; then
  tree_path=-
  [ -z "$was_empty$was_pushed" ] || tree_path=$(cd -P "$base" && pwd -P)
fi
if [ "$tree_path" != "$named" ]; then
  { (umask "$private" && printf '%s\n%s\n' "$there" "$tree_path" >"$state/origin.$$.new") &&
    mv -f "$state/origin.$$.new" "$state/origin"; } || problem not-writable "$state"
fi
if has_locks "$state" && find_lock "$workspace" "$state" && is_held "$its_lock" ''; then refuse_locked; fi

# mlcube there can't be given a path that a shell would take apart: it goes through a link.
while [ "$links" -gt 0 ]; do
  link=$base/$1
  [ -L "$link" ] || ln -s "$2" "$link" || problem not-writable "$link"
  shift 2
  links=$((links - 1))
done

# What an earlier push has left goes on as this one. A rename happens once, whoever else has the same idea; and a process that
# is left of the earlier push finds no place any more.
for earlier in $former; do
  [ -d "$state/incoming/$earlier" ] && mv "$state/incoming/$earlier" "$incoming" 2>/dev/null && break
done
# What a killed rsync has put together.
rm -rf "$incoming/tmp"
hold_incoming "$incoming" || problem not-writable "$incoming"
unguard_locks
left=no left_bytes=0
if holds_anything "$incoming/code" || holds_anything "$incoming/workspace"; then
  left=yes left_bytes=$(($(du -sk "$incoming" | cut -f 1) * 1024))
fi
# What a push that is dead has left a week ago never comes.
for other in "$state"/incoming/*; do
  [ "$other" != "$incoming" ] || continue
  [ -z "$(find "$other" -maxdepth 0 -mtime +7)" ] || is_held_incoming "$other" || rm -rf "$other"
done

printf 'base %s\nstate %s\nworkspace %s\nincoming %s\n' "$base" "$state" "$workspace" "$incoming"
forget_workspace "$state" "$as_code" || problem not-writable "$state"
note_workspace "$state" "$place" || problem not-writable "$state"
tell_workspaces "$state"
zstd=no
! command -v zstd >/dev/null || zstd=yes
printf 'tree %s\nleft %s\nleft-bytes %s\nzstd %s\n' "$tree" "$left" "$left_bytes" "$zstd"

# Tells of the disk $3, called $1, whether it is our own folder's, $2, and its free bytes: $4 blocks of $5 bytes.
tell_disk() {
  near=no free=
  [ "$3" != "$2" ] || near=yes
  case $4$5 in
    '' | *[!0-9]*) ;;
    *) free=$(($4 * $5)) ;;
  esac
  printf '%s %s %s\n' "$1" "$near" "$free"
}
# All are asked at once. Each number is a word.
tell_disks() {
  # shellcheck disable=SC2046
  set -- $(find "$incoming/" "$workspace/" "$base/" -maxdepth 0 -printf '%D ') \
    $(stat -f -c '%a %S' "$workspace" "$base")
  # A file system that doesn't tell leaves the numbers of the other one in its place.
  [ $# = 7 ] || set -- "$1" "$2" "$3" '' '' '' ''
  tell_disk disk-of-workspace "$1" "$2" "$4" "$5"
  tell_disk disk-of-code "$1" "$3" "$6" "$7"
}
tell_disks
printf 'listing\n'
list_workspace "$workspace" "$format" "$linked" "$unwritable" || return
printf 'another\0\0'
# What of it can't be listed is sent.
if cd "$base"; then list_places "$linked" "$@" || :; fi
