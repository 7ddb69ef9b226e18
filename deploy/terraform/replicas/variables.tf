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

variable "subnet_ids" {
  description = "Of two or more zones, from which Slack and AWS can be reached over 443; nothing needs to reach the bot"
  type        = list(string)
}

variable "public_address" {
  description = "true where the subnets are public ones without a NAT gateway"
  type        = bool
  default     = false
}

variable "image" {
  description = "The image, with its tag or digest, of the architecture below"
  type        = string
}

variable "architecture" {
  type    = string
  default = "ARM64"
  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "ARM64 or X86_64."
  }
}

variable "replicas" {
  description = "Each has two of the ten connections to Slack that an app may have, and so has its successor while it is rolled out"
  type        = number
  default     = 2
  validation {
    condition     = contains([2, 3], var.replicas)
    error_message = "2 or 3."
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

variable "log_days" {
  description = "How long the log and the copy of the audit record are kept; the record itself is in the table"
  type        = number
  default     = 365
}
