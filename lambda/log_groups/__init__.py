"""The function behind Custom::LogGroup: retention and a key for log groups that a service makes."""
