# Of each task there is a sample of its CPU a minute, so their number is that of
# the tasks. The rest goes by the log and the copy of the audit record in it.
locals {
  running = {
    silent = { description = "Nobody ends access: no replica of ${var.deployment} runs", below = 1, minutes = 5, of_these = 3 }
    short  = { description = "Fewer replicas of ${var.deployment} run than should", below = var.replicas, minutes = 15, of_these = 15 }
  }
  said = {
    stuck = {
      description = "The work on a lease of ${var.deployment} keeps failing; it costs money and may be an open door"
      metric      = "StuckLeases", pattern = "{ $.act = \"stuck\" }", period = 300, periods = 1, of_these = 1
    }
    overstay = {
      description = "Access lasted more than a minute beyond its end in ${var.deployment}"
      metric      = "Overstayed", pattern = "{ $.act = \"access_ended\" && $.overstay_seconds > 60 }", period = 60, periods = 1, of_these = 1
    }
    refused = {
      description = "Slack does not take a token of the bot of ${var.deployment}"
      metric      = "SlackRefused", pattern = "{ $.msg = \"SLACK REFUSES THE BOT*\" }", period = 60, periods = 5, of_these = 3
    }
    unready = {
      description = "A replica of ${var.deployment} has no connection to Slack"
      metric      = "NoSlack", pattern = "{ $.msg = \"cannot connect to Slack\" || $.msg = \"Slack does not answer\" }"
      period      = 300, periods = 2, of_these = 2
    }
  }
  alarm_actions = var.alarm_topic == "" ? [] : [var.alarm_topic]
}

resource "aws_cloudwatch_metric_alarm" "running" {
  for_each            = local.running
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = { ClusterName = aws_ecs_cluster.bot.name, ServiceName = aws_ecs_service.bot.name }
  statistic           = "SampleCount"
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.of_these
  comparison_operator = "LessThanThreshold"
  threshold           = each.value.below
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_log_metric_filter" "said" {
  for_each       = local.said
  name           = "${local.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.bot.name
  pattern        = each.value.pattern

  metric_transformation {
    namespace     = "sshforward/${var.deployment}"
    name          = each.value.metric
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "said" {
  for_each            = local.said
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "sshforward/${var.deployment}"
  metric_name         = each.value.metric
  statistic           = "Sum"
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.of_these
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
