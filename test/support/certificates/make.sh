#!/usr/bin/env bash
# Makes the certificates of the tests anew, for a hundred years; they prove nothing to anybody but the tests.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

long_ago=20200101000000Z soon_after=20200201000000Z now=20260101000000Z far=21260101000000Z farther=21270101000000Z

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# request <name> <common name>: a key, and what an authority is asked to sign
request() {
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$work/$1.csr"
}

# sign <authority> <name> <from> <to> <extensions...>
sign() {
  local authority=$1 name=$2 from=$3 to=$4
  shift 4
  printf '%s\n' "$@" >"$work/extensions"
  : >"$work/index-$name"
  cat >"$work/config" <<CONFIG
[ca]
default_ca = authority
[authority]
database = $work/index-$name
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
CONFIG
  openssl ca -batch -notext -config "$work/config" -cert "$authority.pem" -keyfile "$authority.key" \
    -in "$work/$name.csr" -out "$name.pem" -startdate "$from" -enddate "$to" -extfile "$work/extensions"
}

# itself <name> <common name> <extensions...>: signed by itself
itself() {
  local name=$1 common_name=$2 extension extensions=()
  shift 2
  for extension in "$@"; do extensions+=(-addext "$extension"); done
  key "$name"
  openssl req -x509 -new -key "$name.key" -subj "${common_name:+/CN=}${common_name:-/}" -days 36500 "${extensions[@]}" -out "$name.pem"
}

local_names="subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
authority=("basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign,cRLSign")

{
  itself ca "Tankard test authority" "${authority[@]:1}"
  itself other-ca "Another authority" "${authority[@]:1}"
  itself selfsigned localhost "$local_names"
  itself nameless "" "subjectAltName=DNS:localhost"

  for name in localhost expired not-yet-valid unknown-ca; do request "$name" localhost; done
  sign ca localhost $now $far "$local_names"
  sign ca expired $long_ago $soon_after "$local_names"
  sign ca not-yet-valid $far $farther "$local_names"
  sign other-ca unknown-ca $now $far "$local_names"

  request example-org example.org
  sign ca example-org $now $far "subjectAltName=DNS:example.org,DNS:*.example.net"
  request revoked localhost
  sign ca revoked $now $far "$local_names"
  openssl ca -config "$work/config" -cert ca.pem -keyfile ca.key -revoke revoked.pem
  openssl ca -config "$work/config" -cert ca.pem -keyfile ca.key -gencrl -crldays 36500 -md sha256 -out ca.crl

  request intermediate "An intermediate authority"
  sign ca intermediate $now $far "${authority[@]}"
  request behind-intermediate localhost
  sign intermediate behind-intermediate $now $far "$local_names"
  cat intermediate.pem >>behind-intermediate.pem

  request client "a client"
  sign ca client $now $far "extendedKeyUsage=clientAuth"
} 2>/dev/null
rm ca.key other-ca.* intermediate.* # nobody can sign in their names
