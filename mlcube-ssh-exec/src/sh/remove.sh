#!/bin/sh
# Removes what the host holds of the cube. No job can start meanwhile.
# Given, beside what inventory.sh needs:
#   owner         the id of the owner that asks
#   former_owner  its id under an earlier version
#   adopt         `yes` to remove also what another owner has pushed
#   newest        the newest job that the client knows
#   force         `yes` to remove also the folder of a job that may have left containers: nothing else leads to them
# Words: the items to remove: containers, jobs, partial, tree, workspace, own/NAME, replaced, environment.
# Replies:
#   removed KIND PATH     for each item that is gone
#   kept KIND WHY PATH    for each other one; `kept container silent ENGINE` for an engine that doesn't reply
#   denied                then the lines below
#   closed OWNER PATH     an entry that can't be removed
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given, inventory.sh the folders, find_busy busy

[ -d "$state" ] || [ "$*" = environment ] || problem nothing
case ${found_origin%% *} in
  '' | "$owner" | "$former_owner") ;;
  *) [ "$adopt" = yes ] || [ "$*" = environment ] || problem other-owner "$found_origin" ;;
esac
if [ -d "$state" ]; then
  guard_locks "$state/locks" || problem not-writable "$state/locks: $words"
fi
[ "$(newest_job)" = "$newest" ] || problem changed
if [ -d "$state" ]; then
  # Tells a push that can't ask for the lock.
  removing=$state/locks/removing
  unguard_at_end
  printf '' >"$removing" || problem not-writable "$removing"
fi

# Removes $2. If $2 is a link to the folder $3, that folder is removed first, and the link only if the folder is gone.
remove() {
  itself=${3:-$2}
  [ -e "$2" ] || [ -L "$2" ] || return 0
  rm -rf "$itself" 2>/dev/null || {
    # A task may have removed our permissions from folders of ours.
    find "$itself" -type d ! -perm -700 -exec chmod u+rwx '{}' ';' 2>/dev/null
    rm -rf "$itself"
  }
  if [ ! -e "$itself" ] && rm -f "$2" && [ ! -L "$2" ]; then
    printf 'removed %s %s\n' "$1" "$2"
    return
  fi
  printf 'kept %s denied %s\n' "$1" "$2"
  closed=$(find "$itself" ! -user "$(id -u)" 2>/dev/null | head -n 1)
  closed=${closed:-$itself}
  printf 'closed %s %s\n' "$(stat -c %U "$closed" 2>/dev/null)" "$closed"
}

# Checks whether a push from any machine is under way, and sets `busy` if so. A push writes to the tree, to a workspace
# and to the replaced files.
find_push() {
  for push in "$state"/incoming/*; do
    [ -d "$push" ] || continue
    if is_held_incoming "$push"; then
      busy=push
      return 0
    fi
  done
  return 1
}

# Removes $2 (and $3 like remove) unless a push or any job uses it.
remove_unless_filled() {
  if find_push || find_busy "$state"/jobs/*; then
    printf 'kept %s %s %s\n' "$1" "$busy" "$2"
  else
    drop_incoming
    remove "$@"
  fi
}

# Removes the incoming folders of dead pushes. This precedes the removal of their target: a push that has lost its
# session for a moment recognises by it that it can't continue.
drop_incoming() { rm -rf "$state"/incoming/*; }

# Removes $2 unless one of the jobs $3… runs.
remove_unless_busy() {
  kind=$1 path=$2
  shift 2
  if find_busy "$@"; then printf 'kept %s %s %s\n' "$kind" "$busy" "$path"; else remove "$kind" "$path"; fi
}

# Jobs use the workspace in which they were started; which workspace a push fills isn't known on the remote.
remove_workspace() {
  busy=
  find_push || :
  for job in "$state"/jobs/*; do
    [ "$(cat "$job/workspace" 2>/dev/null)" = "$2" ] || continue
    if [ -n "$busy" ] || find_busy "$job"; then break; fi
  done
  if [ -n "$busy" ]; then
    printf 'kept %s %s %s\n' "$1" "$busy" "$2"
  else
    drop_incoming
    remove "$1" "$2"
  fi
}

remove_jobs() {
  for job in "$state"/jobs/*; do
    [ -d "$job" ] || continue
    if find_busy "$job"; then
      printf 'kept job %s %s\n' "$busy" "$job"
    elif [ "$force" != yes ] && ! find_containers "$job"; then
      printf 'kept job silent %s\n' "$job"
    elif [ "$force" != yes ] && [ -n "$containers" ]; then
      printf 'kept job containers %s\n' "$job"
    else
      remove_job "$job"
      if [ -e "$job" ]; then remove job "$job"; else printf 'removed job %s\n' "$job"; fi
    fi
  done
}

remove_containers() {
  for job in "$state"/jobs/*; do
    [ -d "$job" ] || continue
    find_containers "$job" || tell_silent 'kept container silent' "$job"
    for container in $containers; do
      if runs "$job"; then
        printf 'kept container %s %s\n' "${job##*/}" "$container"
      elif ask_engine "$job" rm -f -v "$container" >/dev/null 2>&1; then
        printf 'removed container %s\n' "$container"
      else
        printf 'kept container denied %s\n' "$container"
      fi
    done
  done
}

for what; do
  case $what in
    containers) remove_containers ;;
    jobs) remove_jobs ;;
    tree)
      is_our_tree || continue
      remove_unless_filled tree "$base" "$real"
      [ -e "$base" ] || rmdir "$state/incoming" 2>/dev/null
      ;;
    workspace) if is_our_tree && is_in_tree; then remove_workspace workspace "$workspace"; fi ;;
    own/*) remove_workspace own "$state/workspaces/${what#own/}" ;;
    partial)
      for push in "$state"/incoming/*; do
        if is_held_incoming "$push"; then printf 'kept partial push %s\n' "$push"; else remove partial "$push"; fi
      done
      find "$base/" "$state/workspaces/" -type d -name .mlcube-ssh-partial -prune 2>/dev/null |
        while read -r partial; do
          is_partial "$partial" || continue
          if find_push; then printf 'kept partial push %s\n' "$partial"; else remove partial "$partial"; fi
        done
      ;;
    replaced) if find_push; then printf 'kept replaced push %s\n' "$state/replaced"; else remove replaced "$state/replaced"; fi ;;
    # Other cubes may use the environment, so the jobs of all cubes are checked.
    environment)
      if is_our_environment; then
        remove_unless_busy environment "$environment" "${state%/*}"/*/jobs/*
        # Where a power cut ended interp, the former environment is beside it.
        if [ ! -e "$environment" ]; then rm -rf "$environment.mlcube-ssh-former"; fi
      fi
      ;;
  esac
done

# When only the files are left that reserve the cube's name for its owner, the name is freed.
if find_push; then exit 0; fi
rmdir "$state/workspaces" "$state/jobs" 2>/dev/null
for left in "$base" "$state/workspaces" "$state/jobs" "$state/replaced"; do
  if [ -e "$left" ]; then exit 0; fi
done
rm -rf "$state"
exit 0
