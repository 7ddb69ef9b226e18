# sshforward as two replicas on Fargate that share a DynamoDB table, with their
# role, the dead-man switch, logs and alarms; the same as
# ../../cloudformation-replicas.yaml. ../../README.md says what has to be there
# before.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  name = "sshforward-${var.deployment}"
}

# The store. Local indexes cannot be added later.
resource "aws_dynamodb_table" "store" {
  name                        = local.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = true

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }

  dynamic "attribute" {
    for_each = ["pk", "sk", "due", "act", "tell"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  local_secondary_index {
    name               = "due"
    range_key          = "due"
    projection_type    = "INCLUDE"
    non_key_attributes = ["w"]
  }

  local_secondary_index {
    name            = "act"
    range_key       = "act"
    projection_type = "KEYS_ONLY"
  }

  local_secondary_index {
    name            = "tell"
    range_key       = "tell"
    projection_type = "KEYS_ONLY"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# The replicas.
resource "aws_ecs_cluster" "bot" {
  name = local.name
}

resource "aws_ecs_service" "bot" {
  name            = local.name
  cluster         = aws_ecs_cluster.bot.id
  task_definition = aws_ecs_task_definition.bot.arn
  launch_type     = "FARGATE"
  desired_count   = var.replicas

  # The next ones start before the last ones stop, and no more of them at once
  # than Slack has connections for.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 150

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.bot.id]
    assign_public_ip = var.public_address
  }
}

resource "aws_ecs_task_definition" "bot" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.bot.arn

  runtime_platform {
    cpu_architecture        = var.architecture
    operating_system_family = "LINUX"
  }

  container_definitions = jsonencode([{
    name                   = "sshforward"
    image                  = var.image
    command                = ["serve", "--config", "env:SSHFORWARD_CONFIG", "--log-format", "json"]
    essential              = true
    readonlyRootFilesystem = true
    stopTimeout            = 15 # it stops within 10 s of SIGTERM
    healthCheck = {             # whether the loop goes round that ends access
      command     = ["CMD", "/sshforward", "health", "--config", "env:SSHFORWARD_CONFIG"]
      interval    = 15
      timeout     = 5
      retries     = 4
      startPeriod = 15
    }
    secrets = [
      { name = "SSHFORWARD_CONFIG", valueFrom = var.configuration },
      { name = "SLACK_BOT_TOKEN", valueFrom = var.bot_token },
      { name = "SLACK_APP_TOKEN", valueFrom = var.app_token },
      { name = "SSHFORWARD_KEY", valueFrom = var.key },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.bot.name
        awslogs-region        = data.aws_region.current.name
        awslogs-stream-prefix = "replica"
      }
    }
  }])
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

# What they say.
resource "aws_cloudwatch_log_group" "bot" {
  name              = "/sshforward/${var.deployment}"
  retention_in_days = var.log_days
  skip_destroy      = true
}
