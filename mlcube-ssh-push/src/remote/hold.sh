#!/bin/sh
# Holds the incoming folder of a push while its session lasts.
# Given: push, the folder.
# shellcheck disable=SC2154 # the client sets what is given

locate "$push"
hold_incoming "$path" || problem not-writable "$path"
