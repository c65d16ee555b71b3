#!/bin/sh
# podman before version 5 accepts --gpus and ignores it; it names GPUs as devices.

# Checks whether the engine $1 is such a podman, also under the name docker.
ignores_gpus() {
  case $("$1" --version 2>/dev/null) in
    'podman version '[0-4].*) return 0 ;;
    *) return 1 ;;
  esac
}

# Sets `devices` to podman's names for the GPUs of $1, a value of --gpus; fails if there is no such name.
name_devices() {
  # docker reads the value as CSV, which may be in quotes.
  gpus=$(printf '%s' "$1" | tr -d "\"'") devices=
  case $gpus in
    all | -1) devices=all ;;
    device=*[!A-Za-z0-9:.,_-]* | device=) ;;
    device=*) devices=$(printf '%s' "${gpus#device=}" | tr ',' ' ') ;;
    # The local option --gpus=0,1 arrives as the same list.
    *[!0-9,]* | '') ;;
    *,*) devices=$(printf '%s' "$gpus" | tr ',' ' ') ;;
    *)
      devices=' '
      while [ "$gpus" -gt 0 ]; do
        gpus=$((gpus - 1))
        devices=" $gpus$devices"
      done
      ;;
  esac
  [ -n "$devices" ]
}
