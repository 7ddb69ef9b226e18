# What they may do. The policies are those in ../.., written anew by a test when
# they change there.
locals {
  policies = {
    for file in ["iam-policy", "iam-policy-deadman", "iam-policy-table", "iam-policy-execution", "iam-deadman-trust", "iam-deadman-role"] :
    file => templatefile("${path.module}/../policies/${file}.json", {
      partition     = data.aws_partition.current.partition
      region        = data.aws_region.current.name
      account       = var.account_id
      deployment    = var.deployment
      configuration = var.configuration
      bot_token     = var.bot_token
      app_token     = var.app_token
      key           = var.key
    })
  }
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.name}:${var.account_id}:*" }
      }
    }]
  })
}

resource "aws_iam_role" "bot" {
  name_prefix        = "${local.name}-"
  assume_role_policy = local.trust
}

resource "aws_iam_policy" "bot" {
  for_each    = toset(["iam-policy", "iam-policy-deadman", "iam-policy-table"])
  name_prefix = "${local.name}-"
  description = "What sshforward may do: ${each.key}"
  policy      = local.policies[each.key]
}

resource "aws_iam_role_policy_attachment" "bot" {
  for_each   = aws_iam_policy.bot
  role       = aws_iam_role.bot.name
  policy_arn = each.value.arn
}

resource "aws_iam_role_policy" "other_accounts" {
  count = length(var.other_roles) > 0 ? 1 : 0
  name  = "other-accounts"
  role  = aws_iam_role.bot.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Resource = var.other_roles }]
  })
}

# What ECS may do to start them: the image, the secrets, the log.
resource "aws_iam_role" "execution" {
  name_prefix        = "${local.name}-"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.name
  policy = local.policies["iam-policy-execution"]
}

# The dead-man switch: what Scheduler may do, and where the bot may schedule it.
resource "aws_iam_role" "deadman" {
  name               = "${local.name}-deadman"
  assume_role_policy = local.policies["iam-deadman-trust"]
}

resource "aws_iam_role_policy" "deadman" {
  name   = "end-access"
  role   = aws_iam_role.deadman.name
  policy = local.policies["iam-deadman-role"]
}

resource "aws_scheduler_schedule_group" "deadman" {
  name = local.name
  tags = { "sshforward:deployment" = var.deployment }
}
