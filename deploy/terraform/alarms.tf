# What aws/report.sh tells CloudWatch once a minute, and what is an alarm in it.
locals {
  alarms = {
    silent = {
      description = "Nobody ends access: the bot of ${var.deployment} is down, or its loop does not go round"
      metric      = "Alive", statistic = "Minimum", below = 1, minutes = 5, of_these = 3, missing = "breaching"
    }
    unready = {
      description = "The bot of ${var.deployment} has no connection to Slack, or cannot read its store"
      metric      = "Ready", statistic = "Minimum", below = 1, minutes = 10, of_these = 10, missing = "notBreaching"
    }
    stuck = {
      description = "The work on a lease of ${var.deployment} keeps failing; it costs money and may be an open door"
      metric      = "StuckLeases", statistic = "Maximum", below = null, minutes = 5, of_these = 3, missing = "notBreaching"
    }
    overstay = {
      description = "Access lasted more than a minute beyond its end in ${var.deployment}"
      metric      = "Overstayed", statistic = "Sum", below = null, minutes = 1, of_these = 1, missing = "notBreaching"
    }
    refused = {
      description = "Slack does not take a token of the bot of ${var.deployment}"
      metric      = "SlackRefused", statistic = "Maximum", below = null, minutes = 5, of_these = 3, missing = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "bot" {
  for_each            = local.alarms
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "sshforward"
  metric_name         = each.value.metric
  dimensions          = { Deployment = var.deployment }
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.of_these
  comparison_operator = each.value.below == null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.below == null ? 0 : each.value.below
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarm_topic == "" ? [] : [var.alarm_topic]
  ok_actions          = var.alarm_topic == "" ? [] : [var.alarm_topic]
}
