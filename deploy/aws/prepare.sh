#!/bin/bash
# Fetches the configuration and the secrets, before each start of the bot. What
# cannot be had just then stays as it was: a bot that is down ends nothing.
set -uo pipefail
cd "${CONFIGURATION_DIRECTORY:?}" || exit

# fetch FILE MODE COMMAND... puts what a command prints into a file, in one step.
fetch() {
	local file=$1 mode=$2
	shift 2
	if (umask 077 && "$@" --output text >"$file.new") && [[ -s $file.new ]]; then
		chmod "$mode" "$file.new" && mv "$file.new" "$file"
	else
		rm -f "$file.new"
		echo "$file stays as it was" >&2
	fi
}

secret() {
	fetch "$1" 0400 aws secretsmanager get-secret-value --query SecretString --secret-id "$2"
}

fetch sshforward.yaml 0644 aws ssm get-parameter --with-decryption --query Parameter.Value --name "$CONFIG"
secret slack-bot-token "$BOT_TOKEN"
secret slack-app-token "$APP_TOKEN"
secret key "$KEY"
