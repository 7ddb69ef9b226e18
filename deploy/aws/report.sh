#!/bin/bash
# Tells CloudWatch once a minute how the bot is; the alarms go by it. If this
# says nothing, that is an alarm as well.
set -euo pipefail
bot=${BOT:-http://127.0.0.1:9464}
late=${RUNTIME_DIRECTORY:?}/late

asks() { curl -fsS -o /dev/null -m 5 "$bot/$1"; }
alive=0 ready=0
asks healthz && alive=1
asks readyz && ready=1
figures=$(curl -fsS -m 10 "$bot/metrics" || true)

# What lasted more than a minute beyond its end is counted from the start of the
# process; CloudWatch is told what is new since the last time.
before=$(cat "$late" 2>/dev/null || echo 0)
read -r stuck refused now < <(awk '
	$1 == "sshforward_stuck_leases" { stuck = $2 }
	$1 == "sshforward_slack_refused" { refused = $2 }
	$1 == "sshforward_overstay_seconds_count" { all = $2 }
	$1 == "sshforward_overstay_seconds_bucket{le=\"60\"}" { intime = $2 }
	END { print stuck + 0, refused + 0, all - intime }' <<<"$figures")
overstayed=$((now < before ? now : now - before))

say() { printf '%s{"MetricName":"%s","Value":%s,"Dimensions":[{"Name":"Deployment","Value":"%s"}]}' "$3" "$1" "$2" "$DEPLOYMENT"; }
data="[$(
	say Alive "$alive" ''
	say Ready "$ready" ,
	if [[ -n $figures ]]; then
		say StuckLeases "$stuck" ,
		say SlackRefused "$refused" ,
		say Overstayed "$overstayed" ,
	fi
)]"
aws cloudwatch put-metric-data --namespace sshforward --metric-data "$data"
[[ -z $figures ]] || echo "$now" >"$late"
