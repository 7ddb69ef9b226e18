output "role" {
  description = "The bot's role, for scp-tags.json and for the trust policies of roles in other accounts"
  value       = aws_iam_role.bot.arn
}

output "deadman_role" {
  description = "For deadman.role_arn in the configuration"
  value       = aws_iam_role.deadman.arn
}

output "table" {
  description = "For store.dynamodb.table in the configuration"
  value       = aws_dynamodb_table.store.name
}
