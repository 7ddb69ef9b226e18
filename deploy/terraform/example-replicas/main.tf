# Two replicas on one table. Everything here that looks like an id is yours to replace.
terraform {
  required_version = ">= 1.5"
}

provider "aws" {
  region = "ap-northeast-1"
}

module "sshforward" {
  source = "../replicas" # outside this repository: git::https://github.com/sshforward/sshforward.git//deploy/terraform/replicas?ref=VERSION

  deployment = "prod"
  account_id = "123456789012"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  image      = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/sshforward:VERSION"

  configuration = "/sshforward/prod/configuration"
  bot_token     = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/bot-token-AbCdEf"
  app_token     = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/app-token-AbCdEf"
  key           = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/key-AbCdEf"
  alarm_topic   = "arn:aws:sns:ap-northeast-1:123456789012:on-call"
}

output "sshforward" {
  value = module.sshforward
}
