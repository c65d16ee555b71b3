#!/bin/sh
# The id of the last transfer of a workspace, in a file of the state folder. The client has it in its sync state, too: a
# workspace with another one was put back from a backup, or another machine has transferred since.

# shellcheck disable=SC2154 # the prelude sets private

# Sets `last_transfer` to the id in the file $1, `-` if there is none.
know_transfer() {
  last_transfer=
  if [ -f "$1" ]; then read -r last_transfer 2>/dev/null <"$1" || :; fi
  last_transfer=${last_transfer:--}
}

# Writes the id $2 to the file $1 if that can be done. All ids are of one length and go into the room of the former one,
# so a full disk doesn't lose it.
note_transfer() { (umask "$private" && printf '%s\n' "$2" 1<>"$1") 2>/dev/null; }
