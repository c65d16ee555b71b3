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
#   ran_image       the image that its containers are of, which is made here
#   is_bypassing    `yes` if it bypasses the shim
#   has_engine      `yes` if images are built, or tasks run, on this host; else on the nodes of a batch system
#   has_tasks       `yes` if tasks run on this host
#   gpus            which GPUs a container gets, as mlcube passes --gpus on; nothing if the cube asks for none
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
#     NAME warning KIND TEXT     what needs attention
#     NAME free A S D C PATH     of a file system: free blocks, their size, free inodes, all inodes
#     NAME value KEY VALUE       what another check needs
#     NAME problem KIND SUBJECT  why it fails
#     NAME end STATUS            the last one
#     NAME TEXT                  whatever its programs print
# shellcheck disable=SC2154 # the client sets what is given

# Runs the function $2 with the further arguments, and prints its lines after the name $1. Sets `printed` to them, and
# `ended` to its status. A function can't change a variable of the others.
run() {
  name=$1
  shift
  printf '%s begin\n' "$name"
  # Without the client's descriptor: a daemon that a program starts must not keep it.
  printed=$( ("$@") 2>&1 3<&-)
  ended=$?
  # A write for each line, no longer than a pipe takes at once: other checks print at the same time.
  printf '%s\nend %s\n' "$printed" "$ended" | sed '/^does /d' | tail -n 60 | cut -c 1-2000 |
    while IFS= read -r line; do printf '%s %s\n' "$name" "$line"; done
}

# Prints the value of the line `value $1` of `printed`.
value_of() { printf '%s\n' "$printed" | sed -n "s/^value $1 //p" | tail -n 1; }

# Removes what this script has made; a client that is gone ends it by a signal.
clean_up() {
  trap '' HUP INT TERM PIPE
  if [ -n "$containers" ]; then
    # Its calls of the engine come to their end: only then it is known what they have made.
    [ ! -d "$work/$id" ] || printf '' >"$work/$id/over"
    wait "$containers"
  fi
  # If they were killed.
  [ -z "$work" ] || [ ! -d "$work/$id" ] || remove_job "$work/$id"
  [ -n "$keeps" ] || remove_probe
  [ -z "$elsewhere" ] || rm -rf "$elsewhere"
}

# Waits for the client's word that its own transfer is done, and ends with 4 if that asks with `keep` for the folder to
# remain. A client that is gone, before the word or after it, ends all that runs here.
watch_client() {
  read -r word <&3 && [ "$word" = watch ] || return 0
  word=
  read -r word <&3 || :
  case $word in
    done) keep=0 ;;
    keep) keep=4 ;;
    *) kill -TERM 0 ;;
  esac
  # It holds nothing of the session open that the client waits for.
  {
    while read -r word <&3; do :; done
    ! kill -0 $$ || kill -TERM 0
  } >/dev/null 2>&1 &
  exit "$keep"
}

probe='' work='' elsewhere='' keeps='' containers=''
watch_client &
watcher=$!
locate "$state"
state=$path
locate "$base"
base=$path
trap clean_up EXIT
trap 'exit 143' HUP INT TERM PIPE
printf 'clock %s\n' "$(date '+%s')"
run tree check_tree
probe=$(value_of probe)
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
  case $group in container_checks | own_platform_checks) containers=$! ;; esac
done
for check in $checks; do wait "$check"; done
wait "$watcher"
[ $? != 4 ] || keeps=yes
