"""What a run came to: verdict, report, history and renderings."""
