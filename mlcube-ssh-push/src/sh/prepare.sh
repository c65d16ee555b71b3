#!/bin/sh
# Makes the folders that a push fills, and lists the workspace. Starts no program that has nothing to do: each costs
# milliseconds, and a small push takes a few hundred.
# Given:
#   base              the remote tree
#   state             the state folder
#   workspace         that the push fills
#   format            of the listing
#   linked            the format of entries below links to folders
#   unwritable        the format of read-only folders
#   unreadable        the format of those that can't be listed
#   origin            the owner line of the machine that pushes
#   former_origin     the id that an earlier version gave that machine
#   former_workspace  where an earlier version kept the workspace, or nothing
#   adopt             `yes` if the push takes over the tree of another owner
#   id                the random name of this push's incoming folder
#   former            the names of earlier pushes of this machine that didn't end well, newest last
#   transfer_file     the name of the file with the id of the last transfer of the workspace
#   place             of the workspace in the base, or nothing
#   as_code           a former workspace that is code now, or nothing
#   follow_workspace  `yes` if the user says that a link to the workspace is theirs
#   sends             `yes` if the push is known to have something to send
#   links             the number of pairs
# Words: `links` pairs of a plain-named link below the base and the name beside it that it leads to; then the paths of
#   code.
# Replies:
#   base PATH                    absolute, as the three below
#   state PATH
#   workspace PATH
#   incoming PATH
#   held YES                     whether this session holds the incoming folder
#   tree WORD                    made or found
#   pushed YES                   whether any machine may have pushed to the workspace before
#   taken-over YES               whether another owner pushed last
#   left YES                     whether a push that was cut off has left entries
#   left-bytes BYTES             their size
#   transfer ID                  the id of the last transfer
#   last-push ID                 the id of the last push
#   was-workspace PLACE          for each, by tell_workspaces
#   zstd YES                     whether the host has it
#   backups NAME                 of a folder with backups of one of the former pushes; maybe several
#   disk-of-workspace YES BYTES  whether the incoming folder is on it, and its free bytes
#   disk-of-code YES BYTES       the same
#   unwritable PATH              a folder of that code; maybe several
#   listing                      then the listing of the workspace
#   another                      an entry of that listing; then the listing of that code as far as it exists
#   problem KIND SUBJECT         instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

# Makes the state folder. Sets `were_there`: whether it and the tree exist.
make_state() {
  were_there=yes
  if [ ! -d "$state" ] || [ ! -d "$base" ]; then were_there=; fi
  # If `clean` removes folders meanwhile, they are made again once it has ended. From the moment that a push holds its
  # incoming folder, clean removes nothing.
  while
    make_private "$state" || problem not-writable "$state"
    if [ "$shared" = yes ]; then
      give_to_group "${state%/*}" "$state" || problem not-writable "$state"
      # rsync would make the folder for backups with the account's own umask.
      make_private "$state/replaced" || problem not-writable "$state"
    fi
    ! guard_from_clean "$state"
  do :; done
}

# Writes the owner of the tree; who takes it over leaves the line `named` as it is. A hard link never replaces the file
# that another first push has just made.
write_origin() {
  new=$state/origin.$$.new
  (umask "$private" && printf '%s\n' "$origin" ${named:+"$named"} >"$new") || problem not-writable "$state"
  if [ "$1" = replace ]; then
    mv -f "$new" "$state/origin" || problem not-writable "$state"
  else
    ln "$new" "$state/origin" 2>/dev/null || [ -f "$state/origin" ] ||
      mv "$new" "$state/origin" || problem not-writable "$state"
    rm -f "$new"
  fi
}

# Checks that the tree belongs to this owner, or takes it over. Sets `was_pushed`, `was_taken_over`, `found_origin` and
# `named`, the second line of the file.
check_owner() {
  was_pushed=yes named='' was_taken_over=no
  [ -f "$state/origin" ] || {
    was_pushed=
    write_origin once
  }
  # A file that can't be read doesn't prove another owner.
  [ -r "$state/origin" ] || problem no-owner "$state/origin"
  { read -r found_origin && read -r named; } <"$state/origin" || :
  if [ "${found_origin%% *}" != "${origin%% *}" ]; then
    [ "$adopt" = yes ] || [ "${found_origin%% *}" = "$former_origin" ] || problem other-origin "$found_origin"
    write_origin replace
    [ "${found_origin%% *}" = "$former_origin" ] || was_taken_over=yes
    found_origin=$origin
  fi
}

# Makes the tree. Sets `tree` and `was_empty`.
make_base() {
  tree=found
  [ -e "$base" ] || tree=made
  was_empty=yes
  if holds_anything "$base"; then was_empty=; fi
  if [ ! -d "$base" ]; then
    # Only this account may enter, unless a group shares the tree. The entries in it get the permissions that they have
    # locally.
    make_private "$base" || problem not-writable "$base"
    if [ "$shared" = yes ]; then give_to_group "$base" || problem not-writable "$base"; fi
  fi
  # In a folder where everybody may make folders, somebody else may have made these first, after that check.
  [ -n "$were_there" ] || check_own "$state" "$base"
}

# Makes the workspace. Sets `is_filled`: whether any machine may have pushed to it before.
make_workspace() {
  take_former_workspace "$workspace" "$former_workspace" "$state" || refuse_locked
  # A link that is there before the first push is the user's.
  is_filled=no
  if [ -n "$was_pushed" ]; then
    if [ -n "$place" ]; then
      if is_workspace "$state" "$place"; then is_filled=yes; fi
    elif [ -e "$workspace" ] || [ -L "$workspace" ]; then
      is_filled=yes
    fi
  fi
  if [ "$is_filled" = yes ] && [ "$follow_workspace" = no ]; then check_workspace_link "$workspace" "$base" "$state"; fi
  [ -d "$workspace" ] || mkdir -p "$workspace" || problem not-writable "$workspace"
  note_workspace_link "$workspace" "$base" "$state" || problem not-writable "$state"
  [ -w "$base" ] || problem not-writable "$base"
}

# The second line is the real path of the tree, which clean may remove: only of a tree that pushes made or filled from
# the start, or one of a version that didn't write the line. A folder that held something before the first push belongs
# to its maker, and so does one that has taken the tree's place since; their line is `-`.
note_tree() {
  tree_path=$named
  if [ -n "$was_empty" ] || [ -z "$named" ]; then
    tree_path=-
    if [ -n "$was_empty" ] || [ -n "$was_pushed" ]; then tree_path=$(cd -P "$base" && pwd -P); fi
  fi
  if [ "$tree_path" != "$named" ]; then
    { (umask "$private" && printf '%s\n%s\n' "$found_origin" "$tree_path" >"$state/origin.$$.new") &&
      mv -f "$state/origin.$$.new" "$state/origin"; } || problem not-writable "$state"
  fi
}

# Takes over what earlier pushes of this machine have left, and holds the incoming folder. A push that may have nothing to
# send makes none yet. Sets `held`, `left` and `left_bytes`.
take_incoming() {
  held=no left=no left_bytes=0
  if [ "$sends" = no ] && [ -z "$former" ]; then
    unguard_locks
    return
  fi
  # The incoming folder of an earlier push becomes that of this one. Only one rename can succeed, even if other pushes try
  # the same; and a process left of the earlier push no longer finds the folder.
  for earlier in $former; do
    [ -d "$state/incoming/$earlier" ] && mv "$state/incoming/$earlier" "$incoming" 2>/dev/null && break
  done
  # Their backups, which nobody has named yet.
  for earlier in $former; do
    for folder in "$state/replaced"/*-"$earlier"*; do
      [ ! -d "$folder" ] || printf 'backups %s\n' "${folder##*/}"
    done
  done
  # Temporary files of a killed rsync.
  if [ -e "$incoming/tmp" ] || [ -L "$incoming/tmp" ]; then rm -rf "$incoming/tmp"; fi
  hold_incoming "$incoming" || problem not-writable "$incoming"
  held=yes
  unguard_locks
  if holds_anything "$incoming/code" || holds_anything "$incoming/workspace"; then
    left=yes left_bytes=$(($(du -sk "$incoming" | cut -f 1) * 1024))
  fi
}

# Removes what other pushes have left.
drop_dead_pushes() {
  # A dead push whose incoming folder is a week old won't be resumed.
  for other in "$state"/incoming/*; do
    if [ ! -d "$other" ] || [ "$other" = "$incoming" ]; then continue; fi
    [ -z "$(find "$other" -maxdepth 0 -mtime +7)" ] || is_held_incoming "$other" || rm -rf "$other"
  done
}

# Replies with what was found and made.
tell_state() {
  printf 'base %s\nstate %s\nworkspace %s\nincoming %s\nheld %s\n' \
    "$base" "$state" "$workspace" "$incoming" "$held"
  forget_workspace "$state" "$as_code" || problem not-writable "$state"
  note_workspace "$state" "$place" || problem not-writable "$state"
  tell_workspaces "$state"
  know_transfer "$state/$transfer_file" "$workspace"
  zstd=no
  ! command -v zstd >/dev/null || zstd=yes
  printf 'tree %s\npushed %s\ntaken-over %s\nleft %s\nleft-bytes %s\ntransfer %s\nlast-push %s\nzstd %s\n' \
    "$tree" "$is_filled" "$was_taken_over" "$left" "$left_bytes" "$last_transfer" "$last_push" "$zstd"
}

# Replies for the file system $3, called $1: whether it is that of the incoming folder, $2, and its free bytes, $4
# blocks of $5 bytes.
tell_disk() {
  near=no free=
  [ "$3" != "$2" ] || near=yes
  case $4$5 in
    '' | *[!0-9]*) ;;
    *) free=$(($4 * $5)) ;;
  esac
  printf '%s %s %s\n' "$1" "$near" "$free"
}
# One find and one stat for all; each number they print is a word.
tell_disks() {
  # shellcheck disable=SC2046
  set -- $(find "$state/" "$workspace/" "$base/" -maxdepth 0 -printf '%D ') \
    $(stat -f -c '%a %S' "$workspace" "$base")
  # If a file system doesn't report its numbers, the numbers of the other one would take their place; all are dropped
  # then.
  [ $# = 7 ] || set -- "$1" "$2" "$3" '' '' '' ''
  tell_disk disk-of-workspace "$1" "$2" "$4" "$5"
  tell_disk disk-of-code "$1" "$3" "$6" "$7"
}

# Names the folders of the code, the words, in which rsync can't make a backup or a file. A newline would end the line.
tell_unwritable() {
  newline='
'
  if cd "$base"; then
    for place; do
      if [ -d "$place" ] && [ ! -L "$place" ] && [ ! -w "$place" ]; then
        case $place in *"$newline"*) ;; *) printf 'unwritable %s\n' "$place" ;; esac
      fi
    done
  fi
}

locate_places
incoming=$state/incoming/$id
begin_rsync_check
check_own "$state" "$base"
end_rsync_check
make_state
check_owner
make_base
make_workspace
note_tree
if has_locks "$state" && find_lock "$workspace" "$state" && is_held "$its_lock" ''; then refuse_locked; fi
# The remote mlcube can't be given a path that a shell would split, so the path goes through a link.
while [ "$links" -gt 0 ]; do
  link=$base/$1
  [ -L "$link" ] || ln -s "$2" "$link" || problem not-writable "$link"
  shift 2
  links=$((links - 1))
done
take_incoming
drop_dead_pushes
tell_state
tell_disks
tell_unwritable "$@"
printf 'listing\n'
list_workspace "$workspace" "$format" "$unwritable" "$unreadable" || return
printf 'another\0\0'
# Code that can't be listed is sent.
if cd "$base"; then list_places "$linked" "$@" || :; fi
