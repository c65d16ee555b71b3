#!/bin/sh
# Tries on the remote what the later steps do there, and leaves nothing.
# Given, beside what make-environment.sh needs:
#   id              the name of the job that isn't one: the label of the container
#   state           the state folder
#   base            the remote tree
#   owner           the id of the machine and folder that ask
#   former_owner    its id under an earlier version
#   platform        the platform of the remote mlcube
#   settings        those of the remote mlcube, or nothing for the account's own
#   find_platform   the text of platform.py
#   shim            the text of engine.sh
#   engine          the container engine, as a line of words; or nothing if the platform calls none that is known
#   singularity     `yes` if it is called as singularity is
#   run_args        its options for a run, if the settings have some
#   is_bypassing    `yes` if it bypasses the shim
#   gpus            which GPUs a container gets, as --gpus says it; nothing if the cube asks for none
#   has_gpu_args    `yes` if the cube has options for the engine of its own
#   launcher        `direct` or `slurm`
#   launcher_args   the user's options of sbatch, one a line
#   advised         the batch systems that are recommended where the host has them
# Words: the requirements.
# Replies:
#   clock SECONDS  the host's time
#   folder PATH    a folder for the transfer of a file, or nothing if none could be made
#   NAME TEXT      a line of the check of that name, several:
#     NAME begin                 the first one
#     NAME found TEXT            what was found
#     NAME warning TEXT          what needs attention
#     NAME free A S D C PATH     of a file system: free blocks, their size, free inodes, all inodes
#     NAME problem KIND SUBJECT  why it fails
#     NAME end STATUS            the last one
#     NAME TEXT                  whatever its programs print
# shellcheck disable=SC2154 # the client sets what is given

# Runs the function $2 with the further arguments, and prints its lines after the name $1. Sets `told` to them. A
# function can't change a variable of the others.
run() {
  name=$1
  shift
  printf '%s begin\n' "$name"
  # Without the client's descriptor: a daemon that a program starts must not keep it.
  told=$( ("$@") 2>&1 3<&-)
  ended=$?
  # One write for all of it: other checks print at the same time.
  printf '%s\nend %s\n' "$told" "$ended" | tail -n 60 | cut -c 1-2000 | sed "s/^/$name /"
}

# Prints the value of the line $1 of `told`.
told_of() { printf '%s\n' "$told" | sed -n "s/^$1 //p" | tail -n 1; }

# Removes what this script has made; a client that is gone ends it by a signal.
clean_up() {
  trap '' HUP INT TERM
  [ -z "$work" ] || remove_container
  [ -n "$keeps" ] || [ -z "$probe" ] || rm -rf "$probe"
  [ -z "$elsewhere" ] || rm -rf "$elsewhere"
}

# Waits for the client's word that its own transfer is done. `keep` asks for the folder to remain. Ends all that runs
# here when the client is gone before.
watch_client() {
  if read -r word <&3 && [ "$word" = watch ]; then
    word=
    read -r word <&3 || :
    case $word in
      done) ;;
      keep) exit 4 ;;
      *) kill -TERM 0 ;;
    esac
  fi
}

probe='' work='' elsewhere='' keeps=
watch_client &
watcher=$!
trap clean_up EXIT
trap 'exit 143' HUP INT TERM
printf 'clock %s\n' "$(date '+%s')"
locate "$state"
state=$path
locate "$base"
base=$path
run tree check_tree
probe=$(told_of probe)
printf 'folder %s\n' "$probe"
# What can be tried without that folder is tried in another one.
work=$probe
if [ -z "$work" ] && in_temporary true; then work=$temporary elsewhere=$temporary; fi
checks=
# A platform of the account's own tells its engine.
if [ -n "$engine" ]; then groups='python_checks container_checks'; else groups=own_platform_checks; fi
for group in $groups tree_checks host_checks; do
  "$group" "$@" &
  checks="$checks $!"
done
for check in $checks; do wait "$check"; done
wait "$watcher"
[ $? != 4 ] || keeps=yes
