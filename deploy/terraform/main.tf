# sshforward on one small instance, whose store is on a volume that stays, with
# its role, the dead-man switch, logs and alarms; the same as
# ../cloudformation.yaml. ../README.md says what has to be there before.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  name = "sshforward-${var.deployment}"
}

# The store. It stays when the rest is destroyed: terraform state rm
# aws_ebs_volume.store first, or take this out when it may go.
resource "aws_ebs_volume" "store" {
  availability_zone = var.zone
  size              = var.volume_size
  type              = "gp3"
  encrypted         = true
  tags              = { Name = local.name }

  lifecycle {
    prevent_destroy = true
  }
}

# The instance.
resource "aws_autoscaling_group" "bot" {
  name                = local.name
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = [var.subnet_id]

  launch_template {
    id      = aws_launch_template.bot.id
    version = aws_launch_template.bot.latest_version
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 0
    }
  }

  tag {
    key                 = "Name"
    value               = local.name
    propagate_at_launch = true
  }
}

resource "aws_launch_template" "bot" {
  name_prefix            = "${local.name}-"
  image_id               = var.image
  instance_type          = var.instance_type
  vpc_security_group_ids = [aws_security_group.bot.id]
  update_default_version = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.bot.arn
  }

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 8
      volume_type = "gp3"
      encrypted   = true
    }
  }

  user_data = base64encode(join("", [
    <<-EOT
    #!/bin/bash
    set -euo pipefail
    mkdir -p /etc/sshforward
    cat >/etc/sshforward/aws.env <<'END'
    AWS_REGION=${data.aws_region.current.name}
    DEPLOYMENT=${var.deployment}
    VOLUME=${aws_ebs_volume.store.id}
    RELEASE=${var.release}
    SHA256=${var.release_sha256}
    CONFIG=${var.configuration}
    BOT_TOKEN=${var.bot_token}
    APP_TOKEN=${var.app_token}
    KEY=${var.key}
    LOGS=${aws_cloudwatch_log_group.bot.name}
    END
    EOT
    ,
    file("${path.module}/../aws/boot.sh"),
  ]))
}

resource "aws_security_group" "bot" {
  name_prefix = "${local.name}-"
  description = "sshforward, which talks to Slack and AWS and is called by nobody"
  vpc_id      = var.vpc_id

  egress {
    description = "Slack and AWS"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

# What it says.
resource "aws_cloudwatch_log_group" "bot" {
  name              = "/sshforward/${var.deployment}"
  retention_in_days = var.log_days
  skip_destroy      = true
}
