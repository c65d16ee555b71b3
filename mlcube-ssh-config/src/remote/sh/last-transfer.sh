#!/bin/sh
# The id of the last transfer of a workspace, in a file of the state folder. The client has it in its sync state, too.
# If the two differ, the workspace was restored from a backup, or another machine has transferred since. The file also
# identifies the folder of the workspace, because the tree may be restored without the state folder.

# shellcheck disable=SC2154 # the prelude sets private

# Sets `inode` to the number of the folder $1, and `birth` to the time when it was made; to nothing if it is unknown.
know_folder() {
  { read -r inode birth || :; } <<FOLDER
$(stat -L -c '%i %W' "$1" 2>/dev/null)
FOLDER
  # 0: the file system, or the system, doesn't know it. busybox has no %W.
  case $birth in 0 | *[!0-9]*) birth='' ;; esac
}

# Sets `last_transfer` to the id in the file $1, and `last_push` to that of the last push; `-` if there is none, or if
# the workspace $2 is another folder by now.
know_transfer() {
  last_transfer='' last_push='' known_inode='' known_birth=''
  if [ -f "$1" ]; then
    { read -r last_transfer && read -r last_push && read -r known_inode known_birth; } 2>/dev/null <"$1" || :
  fi
  know_folder "$2"
  # Some file systems reuse the number for the next new folder.
  if [ "${known_inode:-$inode}" != "${inode:-$known_inode}" ] ||
    [ "${known_birth:-$birth}" != "${birth:-$known_birth}" ]; then
    last_transfer='' last_push=''
  fi
  last_transfer=${last_transfer:--} last_push=${last_push:--}
}

# Writes the id $3 of a transfer of the workspace $2 to the file $1; fails if it can't be written. $4 is the id of the
# last push: a push passes its own, a pull passes none and keeps the one that know_transfer has read. All lines have
# fixed lengths and overwrite the former ones, so a full disk doesn't lose them.
note_transfer() {
  know_folder "$2"
  (umask "$private" && printf '%-16s\n%-16s\n%-40s\n' "$3" "${4:-$last_push}" "$inode $birth" 1<>"$1") 2>/dev/null
}
