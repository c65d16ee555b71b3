#!/bin/sh
# podman before 5 takes --gpus and does nothing; it knows GPUs as devices.

# Whether the engine $1 does so, under docker's name too.
ignores_gpus() {
  case $("$1" --version 2>/dev/null) in
    'podman version '[0-4].*) return 0 ;;
    *) return 1 ;;
  esac
}

# Sets `devices` to the names that podman has for the GPUs of the value $1 of --gpus; fails where it has none.
name_devices() {
  # docker reads it as CSV, which may stand in quotes.
  gpus=$(printf '%s' "$1" | tr -d "\"'") devices=
  case $gpus in
    all | -1) devices=all ;;
    device=*[!A-Za-z0-9:.,_-]* | device=) ;;
    device=*) devices=$(printf '%s' "${gpus#device=}" | tr ',' ' ') ;;
    # Behind the client's --gpus=0,1 there is the same list.
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
