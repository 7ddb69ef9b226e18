variable "deployment" {
  description = "As in the configuration"
  type        = string
  default     = "prod"
  validation {
    condition     = can(regex("^[a-z0-9-]{1,12}$", var.deployment))
    error_message = "1 to 12 of a-z, 0-9 and -."
  }
}

variable "account_id" {
  description = "The account that this is in"
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "12 digits."
  }
}

variable "vpc_id" {
  type = string
}

variable "subnet_id" {
  description = "One from which Slack and AWS can be reached over 443; nothing needs to reach the bot"
  type        = string
}

variable "zone" {
  description = "The availability zone of the subnet, where the volume has to be"
  type        = string
}

variable "instance_type" {
  description = "The bot takes about 30 MB"
  type        = string
  default     = "t4g.nano"
}

variable "image" {
  description = "Amazon Linux 2023, of the architecture of instance type and release"
  type        = string
  default     = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

variable "release" {
  description = "URL of a release's archive, for linux and the architecture of the instance type"
  type        = string
  validation {
    condition     = can(regex("^https://.+\\.tar\\.gz$", var.release))
    error_message = "An https URL of a .tar.gz."
  }
}

variable "release_sha256" {
  description = "Its checksum, from the release's checksums.txt"
  type        = string
  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.release_sha256))
    error_message = "64 hexadecimal digits."
  }
}

variable "configuration" {
  description = "Name of the SSM parameter that holds the configuration, /sshforward/prod/configuration for example"
  type        = string
  validation {
    condition     = startswith(var.configuration, "/")
    error_message = "It begins with a slash."
  }
}

variable "bot_token" {
  description = "ARN of the secret that holds the bot token (xoxb-)"
  type        = string
}

variable "app_token" {
  description = "ARN of the secret that holds the app-level token (xapp-)"
  type        = string
}

variable "key" {
  description = "ARN of the secret that holds the key for tags: openssl rand -base64 32"
  type        = string
}

variable "other_roles" {
  description = "ARNs of roles in other accounts that the bot assumes (role_arn in the configuration)"
  type        = list(string)
  default     = []
}

variable "alarm_topic" {
  description = "ARN of the SNS topic that alarms go to; empty for none"
  type        = string
  default     = ""
}

variable "volume_size" {
  description = "GiB for the store; a thousand leases a week take about 0.3 in a year"
  type        = number
  default     = 4
}

variable "log_days" {
  description = "How long the log and the copy of the audit record are kept; the record itself is in the store"
  type        = number
  default     = 365
}
