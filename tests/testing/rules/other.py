from runtime import Logger
Logger.write('ran')
