#!/bin/sh
# Checks of the container engine: it runs a container through the shim, as a job's tasks are run. place.sh,
# engine-store.sh and the functions about containers are before it.
# shellcheck disable=SC2154 # doctor.sh is given what these read, and sets work

# Ends a check that needs what place.sh can't make.
abandon() { problem "$@"; }

# Tries the shim where it will be. Prints `value shims FOLDER`.
check_shim() {
  with_words mkdir "$job/bin" || problem not-writable "$job/bin: $words"
  place_shims
  printf 'value shims %s\n' "$shims"
  if [ "$shims" = "$job/bin" ]; then
    printf 'found %s\n' "programs run in ${work%/*}"
  else
    printf 'warning no-exec %s\n' "no program runs in ${work%/*} (a noexec mount), so that of a job is put into ${shims%/*}"
  fi
}

# Runs the engine with these words as a task's mlcube does, through the shim, for `engine_limit` seconds at most.
engine_limit=15
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
    # The engine gets the signals that container_checks ignores.
    trap - HUP INT TERM PIPE
    exec timeout -s KILL "$engine_limit" "$@" </dev/null
  )
}

# Runs the engine with these words without the shim, which notes every call of its own.
call_engine_itself() {
  set -f
  # shellcheck disable=SC2086 # a line of words
  set -- ${MLCUBE_SSH_ENGINE:-$engine} "$@"
  set +f
  timeout -s KILL 10 "$@"
}

# Ends a check because the engine has failed with the status $1.
engine_problem() { problem engine "$1 $engine"; }

# Makes an empty image, and no other is run: what the cube says is a stranger's, an image and its variables, too. Programs
# of the host are mounted into the container.
make_image() {
  # An empty archive: two blocks of zeros, and what fills the record.
  head -c 10240 /dev/zero >"$job/empty.tar" || return
  printf '' >"$job/imported"
  call_engine import "$job/empty.tar" "$ran_image"
  set -- "$?"
  # An engine that was killed may have made it.
  [ "$1" = 0 ] || [ "$1" = 137 ] || rm -f "$job/imported"
  return "$1"
}

# Sets `program` to the `true` of this host.
find_true() {
  program=/bin/true
  [ -x "$program" ] || program=/usr/bin/true
}

# Runs `true` of this host in a container. Arguments: further options.
run_container() {
  # The client is gone.
  [ ! -e "$job/over" ] || return 143
  find_true
  for folder in /bin /lib /lib32 /lib64 /usr; do
    [ ! -d "$folder" ] || set -- "$@" --volume "$folder:$folder:ro"
  done
  call_engine run --rm "$@" --entrypoint "$program" "$ran_image"
}

# Runs the program $1 in a folder that singularity takes for an image, with the option $2 of singularity, if it isn't
# empty. Further arguments: the program's words.
run_in_sandbox() {
  [ ! -e "$job/over" ] || return 143
  sandbox=$job/image program=$1 option=$2
  shift 2
  for folder in dev etc proc root sys tmp var/tmp; do mkdir -p "$sandbox/$folder" || return; done
  # It mounts the files below `etc` over those that are there.
  for file in passwd group hosts resolv.conf localtime; do : >"$sandbox/etc/$file" || return; done
  set -- "$sandbox" "$program" "$@"
  for folder in /bin /lib /lib32 /lib64 /usr; do
    [ -d "$folder" ] || continue
    mkdir -p "$sandbox$folder" && set -- --bind "$folder:$folder:ro" "$@" || return
  done
  set -f
  # shellcheck disable=SC2086 # words
  call_engine exec $option $run_args "$@"
}

# Whether an engine that bypasses the shim replies. Some of these make no image.
check_bypassing_engine() {
  if make_image; then
    run_container || engine_problem "$?"
    ran='runs a container'
  else
    call_engine ps >/dev/null || engine_problem "$?"
    ran='replies, and makes no image, so that no container is tried'
  fi
  printf 'warning bypassing %s\n' "$engine $ran; a stop can't end a container of it"
}

check_engine() {
  if [ "$singularity" = yes ]; then
    find_true
    run_in_sandbox "$program" '' || engine_problem "$?"
    printf 'found %s\n' "$engine runs a program"
    return 0
  fi
  if [ "$is_bypassing" = yes ]; then
    check_bypassing_engine
    return 0
  fi
  make_image || engine_problem "$?"
  run_container || engine_problem "$?"
  # By the label a stop finds a container.
  [ -n "$(present_containers "$job")" ] || problem no-label "$engine"
  printf 'found %s\n' "$engine runs a container, and finds it by its label"
}

# Runs a container with GPUs, as many as the command line says. The cube's own words are a stranger's.
check_gpu() {
  listed=$(timeout -s KILL 10 nvidia-smi -L 2>/dev/null </dev/null | grep -c '^GPU ') || listed=0
  untried=
  [ "$has_gpu_args" = no ] || untried="; gpu_args of the cube aren't tried"
  if [ "$singularity" = yes ]; then
    # The option --nv is no failure where nothing is found for it, so the container itself lists them.
    [ "$listed" != 0 ] || problem no-gpu
    mkdir -p "$job/image"
    with_words cp "$(command -v nvidia-smi)" "$job/image/list-gpus" || problem not-writable "$job/image: $words"
    inside=$(run_in_sandbox /list-gpus --nv -L) || engine_problem "$?"
    inside=$(printf '%s\n' "$inside" | grep -c '^GPU ') || problem no-gpu-inside "$listed"
    printf 'found %s\n' "a container lists $inside GPUs; the host lists $listed$untried"
    return 0
  fi
  # docker reads the value as CSV, and the shim isn't there to quote it.
  case $is_bypassing$gpus in yes*\"*) ;; yes*,*) gpus=\"$gpus\" ;; esac
  run_container "--gpus=$gpus" || engine_problem "$?"
  printf 'found %s\n' "a container gets GPUs ($gpus); the host lists $listed$untried"
}

check_engine_space() {
  store=$(engine_store "${engine##*/}" call_engine_itself)
  [ -n "$store" ] || {
    printf 'found %s\n' "the engine doesn't say where it keeps images"
    return 0
  }
  printf 'found %s\n' "$store"
  tell_free "$store"
}

# Removes the containers and the image, and tells what may be left.
remove_containers() {
  engine_limit=5 left=
  made_here=$(made_containers "$job")
  if [ -n "$made_here" ]; then
    # shellcheck disable=SC2086 # ids
    call_engine rm -f -v $made_here >/dev/null
    case $? in
      0) ;;
      137) left='a container and its image' ;;
      *) there=$(present_containers "$job") && [ -z "$there" ] || left='a container' ;;
    esac
  fi
  # An engine that didn't reply isn't asked again.
  case $left in
    *image) ;;
    *) [ ! -f "$job/imported" ] || call_engine rmi -f "$ran_image" >/dev/null || left="${left:+$left and }the image" ;;
  esac
  if [ -z "$left" ]; then
    printf 'found %s\n' "what the engine was given is gone"
  else
    printf 'warning left-behind %s\n' "$left may remain: $engine refused to remove it, or didn't reply"
  fi
  remove_job "$job"
}

container_checks() {
  if [ "$has_engine" = no ]; then
    run engine pass_over "images are built and tasks run on nodes of $launcher"
    [ -z "$gpus" ] || run gpu pass_over "tasks run on nodes of $launcher"
    return 0
  fi
  if [ -z "$work" ]; then
    run engine lack tree
    return 0
  fi
  # A signal would leave a container that its engine is about to make: clean_up waits for the end of this.
  trap '' HUP INT TERM PIPE
  job=$work/$id
  mkdir "$job"
  run shim check_shim
  shims=$(value_of shims)
  if [ -z "$shims" ]; then
    run engine lack shim
    remove_job "$job"
    return 0
  fi
  [ "$singularity" = yes ] || run space-engine check_engine_space &
  run engine check_engine
  [ -z "$gpus" ] || check_gpus
  run removal remove_containers
  wait
}

# Tries GPUs where tasks run.
check_gpus() {
  if [ "$has_tasks" = no ]; then
    run gpu pass_over "tasks run on nodes of $launcher"
  elif [ "$ended" = 0 ]; then
    run gpu check_gpu
  else
    run gpu lack engine
  fi
}

# Tries the engine that mlcube names for a platform of the account's own.
own_platform_checks() {
  python_checks "$@"
  known=$(value_of known)
  engine=${known#* } singularity=no is_bypassing=no
  case $known in
    singularity\ *) singularity=yes ;;
    docker\ docker | docker\ podman) ;;
    docker\ *) is_bypassing=yes ;;
    '')
      run engine pass_over 'mlcube tells the engine of its platform when its python environment is made'
      return 0
      ;;
    *)
      run engine pass_over "the runner ${known%% *} of mlcube calls no engine that is known"
      return 0
      ;;
  esac
  container_checks
}
