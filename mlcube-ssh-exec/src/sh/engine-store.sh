#!/bin/sh
# Where a container engine keeps what it has.

# Prints the folder in which the engine $1 keeps images and containers; nothing if it doesn't tell. Further arguments: the
# words that call it.
engine_store() {
  # Another program may be called by the name of docker.
  formats='{{.DockerRootDir}} {{.Store.GraphRoot}}'
  case $1 in *podman) formats='{{.Store.GraphRoot}}' ;; esac
  shift
  for format in $formats; do
    told_store=$("$@" info --format "$format" 2>/dev/null </dev/null) || continue
    case $told_store in /*) printf '%s\n' "$told_store" && return ;; esac
  done
}
