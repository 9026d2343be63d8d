"""Real protocol servers in processes of their own, told what to do over their standard input."""
