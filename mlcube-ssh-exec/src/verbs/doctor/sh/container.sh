#!/bin/sh
# Checks of the container engine: it runs a container through the shim, as a job's tasks are run. place.sh,
# engine-store.sh and the functions about containers are before it.
# shellcheck disable=SC2154 # doctor.sh is given what these read, and sets work

# Ends a check that needs what place.sh can't make.
abandon() { problem "$@"; }

# Tries the shim where it will be. Prints `shims FOLDER`.
check_shim() {
  place_shims
  printf 'shims %s\n' "$shims"
  if [ "$shims" = "$job/bin" ]; then
    printf 'found %s\n' "programs run in ${work%/*}"
  else
    printf 'warning %s\n' "no program runs in ${work%/*} (a noexec mount), so that of a job is put into ${shims%/*}"
  fi
}

# Runs the engine with these words as a task's mlcube does, through the shim, for 15 seconds at most.
call_engine() {
  (
    MLCUBE_SSH_JOB=$id MLCUBE_SSH_JOB_FOLDER=$job MLCUBE_SSH_VARIABLES='' MLCUBE_SSH_SHIMS=$shims
    PATH=$shims:$PATH
    export MLCUBE_SSH_JOB MLCUBE_SSH_JOB_FOLDER MLCUBE_SSH_VARIABLES MLCUBE_SSH_SHIMS PATH
    set -f
    # shellcheck disable=SC2086 # a line of words
    set -- $engine "$@"
    # As the shim says it.
    command -v "$1" >/dev/null || {
      printf '%s: not found on this host\n' "$1" >&2
      exit 127
    }
    exec timeout -s KILL 15 "$@" </dev/null
  )
}

# Makes an empty image, and no other is run: what the cube says is a stranger's, an image and its variables, too. Programs
# of the host are mounted into the container.
ran_image=localhost/mlcube-ssh-doctor:$id
make_image() {
  # An empty archive: two blocks of zeros, and what fills the record.
  head -c 10240 /dev/zero >"$job/empty.tar" && call_engine import "$job/empty.tar" "$ran_image"
}

# Runs `true` of this host in a container. Arguments: further options.
run_container() {
  program=/bin/true
  [ -x "$program" ] || program=/usr/bin/true
  for folder in /bin /lib /lib32 /lib64 /usr; do
    [ ! -d "$folder" ] || set -- "$@" --volume "$folder:$folder:ro"
  done
  call_engine run --rm "$@" --entrypoint "$program" "$ran_image"
}

# Runs `true` of this host in a folder that singularity takes for an image. It mounts the files below `etc` over those
# that are there.
run_in_sandbox() {
  sandbox=$job/image
  for folder in dev etc proc root sys tmp var/tmp; do mkdir -p "$sandbox/$folder" || return; done
  for file in passwd group hosts resolv.conf localtime; do : >"$sandbox/etc/$file" || return; done
  set --
  for folder in /bin /lib /lib32 /lib64 /usr; do
    [ -d "$folder" ] || continue
    mkdir "$sandbox$folder" && set -- "$@" --bind "$folder:$folder:ro" || return
  done
  set -f
  # shellcheck disable=SC2086 # words
  call_engine exec $run_args "$@" "$sandbox" /bin/true
}

check_engine() {
  if [ "$singularity" = yes ]; then
    run_in_sandbox || problem engine "$?"
    printf 'found %s\n' "$engine runs a program"
    return 0
  fi
  make_image || problem engine "$?"
  run_container || problem engine "$?"
  if [ "$is_bypassing" = yes ]; then
    printf 'warning %s\n' "$engine runs a container, but a stop can't end it"
    return 0
  fi
  # By the label a stop finds a container.
  [ -n "$(present_containers "$job")" ] || problem no-label "$engine"
  printf 'found %s\n' "$engine runs a container, and finds it by its label"
}

# Runs a container with GPUs, as many as the command line says. The cube's own words are a stranger's.
check_gpu() {
  listed=$(timeout -s KILL 10 nvidia-smi -L 2>/dev/null </dev/null | grep -c '^GPU ') || listed=0
  if [ "$singularity" = yes ]; then
    [ "$listed" != 0 ] || problem no-gpu
  else
    run_container "--gpus=$gpus" || problem engine "$?"
  fi
  untried=
  [ "$has_gpu_args" = no ] || untried="; gpu_args of the cube aren't tried"
  printf 'found %s\n' "a container gets GPUs ($gpus); the host lists $listed$untried"
}

check_engine_space() {
  store=$(engine_store "${engine##*/}")
  [ -n "$store" ] || {
    printf 'found %s\n' "the engine doesn't say where it keeps images"
    return 0
  }
  printf 'found %s\n' "$store"
  tell_free "$store"
}

container_checks() {
  if [ -z "$engine" ] || [ -z "$work" ]; then return 0; fi
  job=$work/$id
  mkdir "$job" "$job/bin" || return 0
  run shim check_shim
  shims=$(told_of shims)
  [ -n "$shims" ] || return 0
  [ "$singularity" = yes ] || run space-engine check_engine_space &
  run engine check_engine
  if [ -n "$gpus" ] && [ "$ended" = 0 ]; then run gpu check_gpu; fi
  remove_container
  wait
}

# Tries the engine that mlcube names for a platform of the account's own.
own_platform_checks() {
  python_checks "$@"
  known=$(told_of known)
  engine=${known#* } singularity=no is_bypassing=no
  case $known in
    singularity\ *) singularity=yes ;;
    docker\ docker | docker\ podman) ;;
    docker\ *) is_bypassing=yes ;;
    *) engine= ;;
  esac
  container_checks
}

# Removes the container, its image and its shim.
remove_container() {
  job=$work/$id
  [ -d "$job" ] || return 0
  made_here=$(made_containers "$job")
  # shellcheck disable=SC2086 # ids
  [ -z "$made_here" ] || ask_engine "$job" rm -f -v $made_here >/dev/null 2>&1
  if [ -f "$job/empty.tar" ]; then ask_engine "$job" rmi -f "$ran_image" >/dev/null 2>&1; fi
  remove_job "$job"
}
