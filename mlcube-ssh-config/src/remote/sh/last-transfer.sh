#!/bin/sh
# The id of the last transfer of a workspace, in a file of the state folder. The client has it in its sync state, too: a
# workspace with another one was put back from a backup, or another machine has transferred since.

# shellcheck disable=SC2154 # the prelude sets private

# Sets `last_transfer` to the id in the file $1, and `last_push` to that of the last push; `-` if there is none.
know_transfer() {
  last_transfer='' last_push=''
  if [ -f "$1" ]; then { read -r last_transfer && read -r last_push; } 2>/dev/null <"$1" || :; fi
  last_transfer=${last_transfer:--} last_push=${last_push:--}
}

# Writes the id $2 to the file $1 if that can be done; a push gives it once more. All ids are of one length and go into the
# room of the former ones, so a full disk doesn't lose them, and a pull leaves that of the push.
note_transfer() {
  file=$1
  shift
  (umask "$private" && printf '%s\n' "$@" 1<>"$file") 2>/dev/null
}
