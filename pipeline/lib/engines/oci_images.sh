# shellcheck shell=bash
# The images of the kinds of models, for oci.sh. The engine's own file defines
#   _oci_build ARG...   its builder
#   _oci_skips_stages   whether that leaves out the stages of a Dockerfile that nothing needs

# The Dockerfile of a kind, of the table of kinds.
_oci_dockerfile() { # KIND
  local file=$HONE_HOME/pipeline/images.conf line number=0 kinds=' ' found=''
  while IFS= read -r line || [[ $line ]]; do
    number=$((number + 1))
    if [[ ! $line || $line == '#'* ]]; then continue; fi
    if [[ ! $line =~ ^([a-z][a-z0-9_]*)[[:blank:]]+([A-Za-z0-9._/-]+)$ ]]; then
      _oci_fail 3 "$file:$number: '$line'; expected KIND DOCKERFILE"
      return
    fi
    if [[ $kinds == *" ${BASH_REMATCH[1]} "* ]]; then
      _oci_fail 3 "$file:$number: '${BASH_REMATCH[1]}' is there twice; expected each kind once"
      return
    fi
    kinds+="${BASH_REMATCH[1]} "
    if [[ ${BASH_REMATCH[1]} == "$1" ]]; then found=${BASH_REMATCH[2]}; fi
  done <"$file"
  if [[ ! $found ]]; then
    _oci_fail 3 "$file: there is no kind '$1'; expected one of:${kinds% }"
    return
  fi
  if [[ $found != /* ]]; then found=$HONE_HOME/$found; fi
  if [[ ! -f $found ]]; then
    _oci_fail 3 "$file: the Dockerfile of '$1' is missing: $found"
    return
  fi
  printf '%s\n' "$found"
}

# The folder of programs that were built before and fit into the images: those of a Debian 12.
_oci_programs() {
  local folder=${HONE_BUILD_DIR:-$HONE_HOME/build/release}/bin
  if [[ -x $folder/hone && -x $folder/hone-dense ]] && grep -qsx 'ID=debian' /etc/os-release &&
    grep -qsx 'VERSION_CODENAME=bookworm' /etc/os-release; then
    printf '%s\n' "$folder"
  fi
}

# The images of kinds as they were found before, and whether each is there: programs of some MiB are not read again and again.
declare -gA _oci_found=() _oci_prepared=()

# Sets `image` to that of a kind, named after what it is made from, and `dockerfile` and `programs` to that.
_oci_find_image() { # KIND
  local -a sources
  dockerfile=$(_oci_dockerfile "$1") || return
  image=${_oci_found["$dockerfile $1"]:-}
  programs=$(_oci_programs)
  if [[ $image ]]; then return; fi
  if [[ $programs ]]; then
    sources=("$programs"/hone{,-dense})
  else
    sources=("$HONE_HOME"/{CMakeLists.txt,tests/install-dependencies,datasets,engine,trainer})
  fi
  image=$(find "$dockerfile" "${sources[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat -- | sha256sum) || return
  image=hone-$1:${image:0:12}
  _oci_found["$dockerfile $1"]=$image
}

engine_prepare() { # KIND
  local image dockerfile programs folder context=$HONE_HOME program variable status=0
  _oci_find_image "$1" || return
  if [[ ${_oci_prepared[$image]:-} ]] || _oci image inspect "$image" >/dev/null 2>&1; then
    _oci_prepared[$image]=1
    return
  fi

  local -a options=(--tag "$image" --file "$dockerfile")
  for variable in {http,https,no}_proxy {HTTP,HTTPS,NO}_PROXY; do
    if [[ ${!variable:-} ]]; then options+=(--build-arg "$variable"); fi
  done
  folder=$(mktemp -d "${TMPDIR:-/tmp}/hone-image.XXXXXX") || return
  if [[ $programs ]] && _oci_skips_stages; then
    context=$folder/programs
    mkdir "$context"
    for program in hone hone-dense; do
      strip -o "$context/$program" "$programs/$program" 2>/dev/null || cp -- "$programs/$program" "$context/"
    done
    options+=(--build-arg PROGRAMS=prebuilt)
  fi
  printf '%s: building the image %s\n' "$HONE_ENGINE" "$image" >&2
  _oci_build "${options[@]}" "$context" >"$folder/log" 2>&1 </dev/null || status=$?
  if ((status)); then
    tail -n 30 -- "$folder/log" >&2
    _oci_fail 6 "the image of '$1' could not be built from $dockerfile (see above)" || status=$?
  fi
  rm -rf -- "$folder"
  return "$status"
}
