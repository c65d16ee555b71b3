#!/bin/sh
# Finds the command that gives this account the files that block it; mostly the root of a container has made them.
# Given:
#   engine   docker or podman, or the path of one; empty: the cube has no such engine
#   image    of the cube
#   place    the folder that should belong to this account
#   blocked  a path in it that can't be read or written
# Replies:
#   place PATH           absolute
#   account UID:GID      of this account
#   owner NAME           of what is blocked
#   by WORD              chmod, unshare, container or administrator
#   image IMAGE          for a container, and the two below
#   program NAME         to run in it
#   become UID:GID       this account as seen in the container
#   docker-host ADDRESS  if the session has one
# shellcheck disable=SC2154 # the client sets what is given

locate "$place"
place=$path
locate "$blocked"
blocked=$path
me=$(id -u)
printf 'place %s\naccount %s:%s\n' "$place" "$me" "$(id -g)"

is_open() { [ -r "$1" ] && { [ ! -d "$1" ] || { [ -x "$1" ] && [ -w "$1" ]; }; }; }

# The lowest path that exists and is closed: a path that can't be inspected is in such a folder.
while [ "$blocked" != "$place" ] && [ -n "$blocked" ]; do
  if [ -e "$blocked" ] && ! is_open "$blocked"; then break; fi
  blocked=${blocked%/*}
done
printf 'owner %s\n' "$(stat -c %U "$blocked")"
if [ "$(stat -c %u "$blocked")" = "$me" ]; then
  printf 'by chmod\n'
  exit
fi

# An engine that hangs blocks nobody.
ask_engine() { timeout -s KILL 20 "$engine" "$@" </dev/null 2>/dev/null; }

# Checks that the image $1 is on this host and has the program $2.
has_program() {
  ask_engine image inspect "$1" >/dev/null || return 1
  # The engine's own statuses for a command that it can't run are 125 and higher.
  ask_engine run --rm --network none --entrypoint "$2" "$1" --help >/dev/null
  [ $? -lt 125 ]
}

# Checks that a container can do it; sets `become`, and replies with what is needed.
can_container() {
  case $(ask_engine info --format '{{.SecurityOptions}}') in
    '') return 1 ;;
    # The root in its containers is this account.
    *rootless*) become=0:0 ;;
    # The root in its containers isn't the host's.
    *userns*) return 1 ;;
    *) become=$me:$(id -g) ;;
  esac
  for candidate in "$image" busybox alpine debian ubuntu; do
    for program in chown busybox; do
      if [ -n "$candidate" ] && has_program "$candidate" "$program"; then
        printf 'image %s\nprogram %s\nbecome %s\ndocker-host %s\n' "$candidate" "$program" "$become" "${DOCKER_HOST-}"
        return
      fi
    done
  done
  return 1
}

by=administrator
if [ -n "$engine" ]; then
  case $(ask_engine --version) in
    podman*)
      # In the namespace of a rootless podman the account is root over whatever its containers made. Another account
      # made what belongs to nobody in it.
      case $(ask_engine unshare stat -c %u "$blocked") in
        '' | 65534) ;;
        *) by=unshare ;;
      esac
      ;;
    [Dd]ocker*) if can_container; then by=container; fi ;;
  esac
fi
printf 'by %s\n' "$by"
