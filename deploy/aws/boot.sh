#!/bin/bash
# Makes an instance with Amazon Linux 2023 one that runs sshforward. It is the
# user data of ../cloudformation.yaml and ../terraform, which put a folder
# /etc/sshforward with aws.env, the variables below, before it:
#   DEPLOYMENT                  as in the configuration
#   VOLUME                      the volume that the store is on
#   RELEASE, SHA256             the URL of a release's archive, and its checksum
#   CONFIG                      the parameter that holds the configuration
#   BOT_TOKEN, APP_TOKEN, KEY   the ARNs of the secrets
#   LOGS                        the log group
set -euo pipefail
set -a
# shellcheck source=/dev/null
. /etc/sshforward/aws.env
set +a

echo "the store: attach $VOLUME"
metadata=http://169.254.169.254/latest
token=$(curl -fsS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 600' $metadata/api/token)
instance=$(curl -fsS -H "X-aws-ec2-metadata-token: $token" $metadata/meta-data/instance-id)
# The instance before this one has it until it is gone.
until aws ec2 attach-volume --volume-id "$VOLUME" --instance-id "$instance" --device /dev/sdf >/dev/null; do
	sleep 5
done
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${VOLUME/-/}
until [[ -b $device ]]; do
	sleep 1
done
blkid "$device" >/dev/null || mkfs.xfs "$device" # which refuses where there is a file system after all
state=/var/lib/private/sshforward                 # where systemd keeps it for a service with a user of its own
install -d -m 0700 /var/lib/private
mkdir -p "$state"
printf '%s %s xfs noatime,nosuid,nodev,noexec 0 2\n' "$device" "$state" >>/etc/fstab
mount "$state"

echo "the program: $RELEASE"
archive=$(mktemp)
curl -fsSL --retry 10 --retry-all-errors -o "$archive" "$RELEASE"
echo "$SHA256  $archive" | sha256sum -c -
mkdir -p /opt/sshforward
tar -xzf "$archive" -C /opt/sshforward --strip-components 1
rm "$archive"
cd /opt/sshforward
install -m 0755 sshforward /usr/local/bin/
install -m 0644 deploy/sshforward.service deploy/aws/*.service deploy/aws/*.timer /etc/systemd/system/
install -m 0644 -D deploy/aws/drop-in.conf /etc/systemd/system/sshforward.service.d/aws.conf
install -m 0644 deploy/aws/logrotate.conf /etc/logrotate.d/sshforward
install -d -m 0750 /var/log/sshforward
systemctl daemon-reload
systemctl enable --now sshforward sshforward-report.timer

echo "the logs: $LOGS"
dnf install -y -q amazon-cloudwatch-agent
sed "s|LOGS|$LOGS|g" deploy/aws/cloudwatch-agent.json >/opt/aws/amazon-cloudwatch-agent/etc/sshforward.json
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s \
	-c file:/opt/aws/amazon-cloudwatch-agent/etc/sshforward.json
